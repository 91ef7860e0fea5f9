#include "replay/binary_numeric.h"

#include <algorithm>
#include <cstdint>

#include "replay/big_endian.h"

namespace trunkline {
namespace {

constexpr size_t kGroup = 4;  // decimal digits in one of base 10,000
constexpr uint16_t kPositive = 0x0000;
constexpr uint16_t kNegative = 0x4000;

void AppendHead(uint16_t digits, int16_t weight, uint16_t sign, uint16_t decimals,
                std::string* out) {
  AppendBigEndian(static_cast<uint32_t>((4 + digits) * sizeof(uint16_t)), out);
  AppendBigEndian(digits, out);
  AppendBigEndian(static_cast<uint16_t>(weight), out);
  AppendBigEndian(sign, out);
  AppendBigEndian(decimals, out);
}

bool EncodeSpecial(std::string_view text, std::string* out) {
  constexpr uint16_t kNan = 0xC000;
  constexpr uint16_t kInfinity = 0xD000;
  constexpr uint16_t kMinusInfinity = 0xF000;
  const bool infinite = text == "Infinity" || text == "-Infinity";
  if (text != "NaN" && !infinite) return false;
  const uint16_t sign = !infinite ? kNan : text.front() == '-' ? kMinusInfinity : kInfinity;
  AppendHead(0, 0, sign, 0, out);
  return true;
}

// A number as digits alone: `point` of them stand before the point. Places beyond either end are 0.
struct Digits {
  std::string_view whole;
  std::string_view fraction;

  // The digit of base 10,000 that begins `group` groups after the point, or before it.
  uint16_t Group(int64_t group) const {
    uint16_t value = 0;
    for (size_t i = 0; i < kGroup; ++i) {
      const int64_t place = group * static_cast<int64_t>(kGroup) + static_cast<int64_t>(i);
      value = static_cast<uint16_t>(value * 10 + At(place));
    }
    return value;
  }
  int At(int64_t place) const {
    if (place >= 0) {
      const auto index = static_cast<size_t>(place);
      return index < fraction.size() ? fraction[index] - '0' : 0;
    }
    const int64_t index = static_cast<int64_t>(whole.size()) + place;
    return index >= 0 ? whole[static_cast<size_t>(index)] - '0' : 0;
  }
};

int64_t Groups(size_t digits) { return static_cast<int64_t>((digits + kGroup - 1) / kGroup); }

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool EncodeNumeric(std::string_view text, std::string* out) {
  constexpr size_t kMostWhole = 131'072;
  constexpr size_t kMostDecimals = 16'383;
  const bool negative = text.starts_with('-');
  std::string_view number = text.substr(negative ? 1 : 0);
  const size_t point = std::min(number.find('.'), number.size());
  const Digits digits{number.substr(0, point), number.substr(std::min(point + 1, number.size()))};
  if (!AllDigits(digits.whole) || !AllDigits(digits.fraction)) return EncodeSpecial(text, out);
  if (digits.whole.empty() || digits.whole.size() > kMostWhole ||
      digits.fraction.size() > kMostDecimals) {
    return false;
  }
  int64_t first = -Groups(digits.whole.size());
  int64_t end = Groups(digits.fraction.size());
  while (first < end && digits.Group(first) == 0) ++first;
  while (first < end && digits.Group(end - 1) == 0) --end;
  const bool zero = first == end;
  AppendHead(static_cast<uint16_t>(end - first), static_cast<int16_t>(zero ? 0 : -first - 1),
             negative && !zero ? kNegative : kPositive,
             static_cast<uint16_t>(digits.fraction.size()), out);
  for (int64_t group = first; group < end; ++group) AppendBigEndian(digits.Group(group), out);
  return true;
}

}  // namespace trunkline
