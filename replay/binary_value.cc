#include "replay/binary_value.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "archive/value_format.h"
#include "replay/big_endian.h"
#include "replay/binary_numeric.h"

namespace trunkline {
namespace {

constexpr int64_t kMicrosPerDay = int64_t{86'400} * 1'000'000;

template <typename T>
void AppendFixed(T value, std::string* out) {
  AppendBigEndian<uint32_t>(sizeof(T), out);
  AppendBigEndian(value, out);
}

template <typename T>
bool EncodeInteger(std::string_view text, std::string* out) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  AppendFixed(static_cast<std::make_unsigned_t<T>>(value), out);
  return true;
}

bool EncodeBool(std::string_view text, std::string* out) {
  if (text != "t" && text != "f") return false;
  AppendFixed<uint8_t>(text == "t" ? 1 : 0, out);
  return true;
}

// What is printed is the shortest text that reads back as the same number.
template <typename T, typename Bits>
bool EncodeFloat(std::string_view text, std::string* out) {
  T value{};
  if (text == "NaN") {
    value = std::numeric_limits<T>::quiet_NaN();
  } else if (text == "Infinity" || text == "-Infinity") {
    value = std::numeric_limits<T>::infinity();
    if (text.front() == '-') value = -value;
  } else {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = !text.empty() && (text.back() >= '0' && text.back() <= '9');
    if (error != std::errc() || end != text.data() + text.size() || !is_number) return false;
  }
  AppendFixed(std::bit_cast<Bits>(value), out);
  return true;
}

int NibbleOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool EncodeBytes(std::string_view text, std::string* out) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return false;
  AppendBigEndian(static_cast<uint32_t>(text.size() / 2 - 1), out);
  for (size_t i = 2; i < text.size(); i += 2) {
    const int high = NibbleOf(text[i]);
    const int low = NibbleOf(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out->push_back(static_cast<char>(high << 4 | low));
  }
  return true;
}

bool EncodeUuid(std::string_view text, std::string* out) {
  uint8_t bytes[kUuidBytes];
  if (!ParseUuid(text, bytes)) return false;
  AppendBigEndian(static_cast<uint32_t>(sizeof bytes), out);
  out->append(reinterpret_cast<const char*>(bytes), sizeof bytes);
  return true;
}

// Years of more than four digits, and before Christ: read as the year of the same place in a cycle
// of 400 years, after which the calendar repeats itself.
bool ParseFarTime(ValueType type, std::string_view text, int64_t* value) {
  constexpr std::string_view kBeforeChrist = " BC";
  constexpr int64_t kDaysInCycle = 146'097;
  // Beyond, a time has no room in 64 bits.
  const int64_t last_year = type == ValueType::kDate ? 6'000'000 : 294'276;
  const bool before = text.ends_with(kBeforeChrist);
  if (before) text.remove_suffix(kBeforeChrist.size());
  const size_t digits = std::min(text.find('-'), text.size());
  int64_t year = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, year);
  if (error != std::errc() || end != text.data() + digits || year < 1 || year > last_year) {
    return false;
  }
  if (before) year = 1 - year;
  const int64_t place = ((year % 400) + 400) % 400;
  const int64_t cycles = (year - place) / 400 - 5;  // from 2000 on
  const std::string near = std::to_string(2000 + place) + std::string(text.substr(digits));
  if (!ParseValue({type, 0}, near, value)) return false;
  *value += cycles * kDaysInCycle * (type == ValueType::kDate ? 1 : kMicrosPerDay);
  return true;
}

template <ValueType type, typename T>
bool EncodeTime(std::string_view text, std::string* out) {
  int64_t value = 0;
  if (ParseValue({type, 0}, text, &value) || ParseFarTime(type, text, &value)) {
    AppendFixed(static_cast<std::make_unsigned_t<T>>(value), out);
    return true;
  }
  if (text != "infinity" && text != "-infinity") return false;
  const T end = text.front() == '-' ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  AppendFixed(static_cast<std::make_unsigned_t<T>>(end), out);
  return true;
}

bool EncodeTimeOfDay(std::string_view text, std::string* out) {
  int64_t micros = kMicrosPerDay;
  if (text != "24:00:00" &&
      !ParseValue({ValueType::kTimestamp, 0}, "2000-01-01 " + std::string(text), &micros)) {
    return false;
  }
  AppendFixed(static_cast<uint64_t>(micros), out);
  return true;
}

bool EncodeJsonb(std::string_view text, std::string* out) {
  constexpr char kVersion = 1;
  AppendBigEndian(static_cast<uint32_t>(text.size() + 1), out);
  out->push_back(kVersion);
  out->append(text);
  return true;
}

bool EncodeText(std::string_view text, std::string* out) {
  AppendBigEndian(static_cast<uint32_t>(text.size()), out);
  out->append(text);
  return true;
}

}  // namespace

BinaryEncoder::TextEncoder BinaryEncoder::FindTextEncoder(uint32_t type_oid) {
  switch (type_oid) {
    case 16:  // bool
      return EncodeBool;
    case 17:  // bytea
      return EncodeBytes;
    case 20:  // int8
      return EncodeInteger<int64_t>;
    case 21:  // int2
      return EncodeInteger<int16_t>;
    case 23:  // int4
      return EncodeInteger<int32_t>;
    case 26:  // oid
      return EncodeInteger<uint32_t>;
    case 19:    // name
    case 25:    // text
    case 114:   // json
    case 1042:  // bpchar
    case 1043:  // varchar
      return EncodeText;
    case 700:  // float4
      return EncodeFloat<float, uint32_t>;
    case 701:  // float8
      return EncodeFloat<double, uint64_t>;
    case 1082:  // date
      return EncodeTime<ValueType::kDate, int32_t>;
    case 1083:  // time
      return EncodeTimeOfDay;
    case 1114:  // timestamp
      return EncodeTime<ValueType::kTimestamp, int64_t>;
    case 1184:  // timestamptz
      return EncodeTime<ValueType::kTimestampTz, int64_t>;
    case 1700:
      return EncodeNumeric;
    case 2950:
      return EncodeUuid;
    case 3802:
      return EncodeJsonb;
    default:
      return nullptr;
  }
}

BinaryEncoder BinaryEncoder::ForText() { return BinaryEncoder(EncodeText); }

std::optional<BinaryEncoder> BinaryEncoder::For(uint32_t type_oid) {
  const TextEncoder text = FindTextEncoder(type_oid);
  if (text == nullptr) return std::nullopt;
  BinaryEncoder encoder(text);
  const auto is_number = [&](ValueType type, size_t bytes) {
    encoder.number_type_ = type;
    encoder.number_bytes_ = bytes;
  };
  switch (type_oid) {
    case 20:  // int8
      is_number(ValueType::kDecimal, 8);
      break;
    case 21:  // int2
      is_number(ValueType::kDecimal, 2);
      break;
    case 26:  // oid
      encoder.has_sign_ = false;
      [[fallthrough]];
    case 23:  // int4
      is_number(ValueType::kDecimal, 4);
      break;
    case 1082:  // date
      is_number(ValueType::kDate, 4);
      break;
    case 1114:  // timestamp
      is_number(ValueType::kTimestamp, 8);
      break;
    case 1184:  // timestamptz
      is_number(ValueType::kTimestampTz, 8);
      break;
    default:
      break;
  }
  return encoder;
}

bool BinaryEncoder::AppendNumber(int64_t number, std::string* out) const {
  const size_t unused = 64 - 8 * number_bytes_;
  const auto raw = static_cast<uint64_t>(number);
  const bool fits = has_sign_ ? static_cast<int64_t>(raw << unused) >> unused == number
                              : raw << unused >> unused == raw;
  if (!fits) return false;
  AppendBigEndian(static_cast<uint32_t>(number_bytes_), out);
  if (number_bytes_ == 8) {
    AppendBigEndian(raw, out);
  } else if (number_bytes_ == 4) {
    AppendBigEndian(static_cast<uint32_t>(raw), out);
  } else {
    AppendBigEndian(static_cast<uint16_t>(raw), out);
  }
  return true;
}

bool BinaryEncoder::Append(const Cell& cell, std::string* out) {
  if (cell.kind != Cell::Kind::kNumber) return text_(cell.text(), out);
  if (cell.shape == ValueShape{number_type_, 0}) return AppendNumber(cell.number, out);
  char text[kMaxFormattedBytes];
  char* end = text;
  return text_(ValueOf(cell, &formatter_, &end).bytes, out);
}

}  // namespace trunkline
