#include "archive/value_format.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/timestamp.h"

namespace trunkline {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
constexpr size_t kMaxDigits = 20;                         // of 64 bits
constexpr size_t kDateTextBytes = 10;                     // 2016-11-30
constexpr size_t kSecondsBytes = kDateTextBytes + 1 + 8;  // 2016-11-30 17:29:00
constexpr std::string_view kUtcSuffix = "+00";
constexpr std::string_view kHexDigits = "0123456789abcdef";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The number of exactly `digits` digits at `text`.
bool FixedDigits(const char* text, size_t digits, unsigned* value) {
  *value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (!IsDigit(text[i])) return false;
    *value = *value * 10 + static_cast<unsigned>(text[i] - '0');
  }
  return true;
}

unsigned DaysInMonth(unsigned year, unsigned month) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

bool ParseDecimal(std::string_view text, size_t decimals, int64_t* value) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  const size_t point = decimals > 0 ? decimals + 1 : 0;
  // 19 digits always fit into 64 unsigned bits.
  if (text.size() <= point || text.size() - (point > 0 ? 1 : 0) > 19) return false;
  const size_t whole = text.size() - point;
  if (text[0] == '0' && whole > 1) return false;
  if (point > 0 && text[whole] != '.') return false;
  uint64_t magnitude = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (point > 0 && i == whole) continue;
    if (!IsDigit(text[i])) return false;
    magnitude = magnitude * 10 + static_cast<uint64_t>(text[i] - '0');
  }
  constexpr auto kMax = static_cast<uint64_t>(INT64_MAX);
  if (negative ? magnitude == 0 || magnitude > kMax + 1 : magnitude > kMax) return false;
  *value = static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude);
  return true;
}

bool ParseDate(std::string_view text, int64_t* days) {
  if (text.size() != kDateTextBytes || text[4] != '-' || text[7] != '-') return false;
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (!FixedDigits(text.data(), 4, &year) || !FixedDigits(text.data() + 5, 2, &month) ||
      !FixedDigits(text.data() + 8, 2, &day)) {
    return false;
  }
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month)) {
    return false;
  }
  *days = DaysFromCivil(year, month, day);
  return true;
}

// ".25" of up to six digits, the last not zero; or nothing.
bool ParseFraction(std::string_view text, unsigned* micros) {
  *micros = 0;
  if (text.empty()) return true;
  if (text.front() != '.' || text.size() < 2 || text.size() > 7 || text.back() == '0') return false;
  if (!FixedDigits(text.data() + 1, text.size() - 1, micros)) return false;
  for (size_t digits = text.size() - 1; digits < 6; ++digits) *micros *= 10;
  return true;
}

bool ParseTimestamp(std::string_view text, int64_t* micros) {
  int64_t days = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  unsigned fraction = 0;
  if (text.size() < kSecondsBytes || !ParseDate(text.substr(0, kDateTextBytes), &days))
    return false;
  const char* time = text.data() + kDateTextBytes;
  if (time[0] != ' ' || time[3] != ':' || time[6] != ':' || !FixedDigits(time + 1, 2, &hour) ||
      !FixedDigits(time + 4, 2, &minute) || !FixedDigits(time + 7, 2, &second) ||
      !ParseFraction(text.substr(kSecondsBytes), &fraction)) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  *micros =
      days * kMicrosPerDay + ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond + fraction;
  return true;
}

bool ParseTimestampTz(std::string_view text, int64_t* micros) {
  return text.ends_with(kUtcSuffix) &&
         ParseTimestamp(text.substr(0, text.size() - kUtcSuffix.size()), micros);
}

struct DigitPairs {
  char text[200];
  constexpr DigitPairs() : text() {
    for (size_t i = 0; i < 100; ++i) {
      text[2 * i] = static_cast<char>('0' + i / 10);
      text[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
  }
};
constexpr DigitPairs kDigitPairs;

char* PutTwoDigits(unsigned value, char* out) {
  std::memcpy(out, kDigitPairs.text + size_t{2} * value, 2);
  return out + 2;
}

char* PutFourDigits(unsigned value, char* out) {
  return PutTwoDigits(value % 100, PutTwoDigits(value / 100, out));
}

char* PutNumber(uint64_t value, char* out) {
  if (value >= 10'000) {
    return PutFourDigits(static_cast<unsigned>(value % 10'000), PutNumber(value / 10'000, out));
  }
  const auto small = static_cast<unsigned>(value);
  if (small >= 1000) return PutFourDigits(small, out);
  if (small >= 100) {
    *out++ = static_cast<char>('0' + small / 100);
    return PutTwoDigits(small % 100, out);
  }
  if (small >= 10) return PutTwoDigits(small, out);
  *out++ = static_cast<char>('0' + small);
  return out;
}

char* FormatDecimal(int64_t value, size_t decimals, char* out) {
  uint64_t magnitude = static_cast<uint64_t>(value);
  if (value < 0) {
    *out++ = '-';
    magnitude = ~magnitude + 1;
  }
  if (decimals == 0) return PutNumber(magnitude, out);
  char digits[kMaxDigits];
  const auto size = static_cast<size_t>(PutNumber(magnitude, digits) - digits);
  const size_t whole = size > decimals ? size - decimals : 0;
  if (whole == 0) *out++ = '0';
  out = std::copy_n(digits, whole, out);
  *out++ = '.';
  out = std::fill_n(out, decimals - (size - whole), '0');
  return std::copy_n(digits + whole, size - whole, out);
}

}  // namespace

ValueShape ShapeOf(std::string_view text) {
  int64_t value = 0;
  for (const ValueType type : {ValueType::kDate, ValueType::kTimestamp, ValueType::kTimestampTz}) {
    if (ParseValue({type, 0}, text, &value)) return {type, 0};
  }
  uint8_t uuid[kUuidBytes];
  if (ParseUuid(text, uuid)) return {ValueType::kUuid, 0};
  const size_t point = text.find('.');
  const size_t decimals = point == std::string_view::npos ? 0 : text.size() - point - 1;
  const ValueShape decimal{ValueType::kDecimal, static_cast<uint8_t>(decimals)};
  if (decimals <= kMaxDecimals && ParseValue(decimal, text, &value)) return decimal;
  return {};
}

bool ParseValue(ValueShape shape, std::string_view text, int64_t* value) {
  switch (shape.type) {
    case ValueType::kDecimal:
      return ParseDecimal(text, shape.decimals, value);
    case ValueType::kDate:
      return ParseDate(text, value);
    case ValueType::kTimestamp:
      return ParseTimestamp(text, value);
    case ValueType::kTimestampTz:
      return ParseTimestampTz(text, value);
    case ValueType::kText:
    case ValueType::kUuid:
      break;
  }
  return false;
}

bool ParseUuid(std::string_view text, uint8_t* bytes) {
  if (text.size() != kUuidTextBytes) return false;
  size_t nibbles = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return false;
      continue;
    }
    const size_t digit = kHexDigits.find(text[i]);
    if (digit == std::string_view::npos) return false;
    uint8_t& byte = bytes[nibbles++ / 2];
    byte = static_cast<uint8_t>((byte << 4) | digit);
  }
  return true;
}

char* ValueFormatter::Format(ValueShape shape, int64_t value, char* out) {
  switch (shape.type) {
    case ValueType::kDate:
      return FormatDate(value, out);
    case ValueType::kTimestamp:
      return FormatTimestamp(value, out);
    case ValueType::kTimestampTz:
      out = FormatTimestamp(value, out);
      std::memcpy(out, kUtcSuffix.data(), kUtcSuffix.size());
      return out + kUtcSuffix.size();
    case ValueType::kDecimal:
    case ValueType::kText:
    case ValueType::kUuid:
      break;
  }
  return FormatDecimal(value, shape.decimals, out);
}

char* ValueFormatter::FormatDate(int64_t days, char* out) {
  if (days != day_) {
    // Outside of what ParseDate yields any text will do; the calendar must not overflow.
    constexpr int64_t kMostDays = 4'000'000;
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    const bool known = days >= -kMostDays && days <= kMostDays;
    CivilFromDays(known ? days : 0, &year, &month, &day);
    const auto shown = static_cast<unsigned>(year < 0 ? 0 : year) % 10'000;
    char* end = PutTwoDigits(shown / 100, day_text_);
    end = PutTwoDigits(shown % 100, end);
    *end++ = '-';
    end = PutTwoDigits(month, end);
    *end++ = '-';
    end = PutTwoDigits(day, end);
    day_ = days;
    day_size_ = static_cast<size_t>(end - day_text_);
  }
  std::memcpy(out, day_text_, kDateTextBytes);
  return out + day_size_;
}

char* ValueFormatter::FormatTimestamp(int64_t micros, char* out) {
  int64_t days = micros / kMicrosPerDay;
  int64_t rest = micros % kMicrosPerDay;
  if (rest < 0) {
    rest += kMicrosPerDay;
    --days;
  }
  out = FormatDate(days, out);
  const auto seconds = static_cast<unsigned>(rest / kMicrosPerSecond);
  auto fraction = static_cast<unsigned>(rest % kMicrosPerSecond);
  *out++ = ' ';
  out = PutTwoDigits(seconds / 3600, out);
  *out++ = ':';
  out = PutTwoDigits(seconds / 60 % 60, out);
  *out++ = ':';
  out = PutTwoDigits(seconds % 60, out);
  if (fraction == 0) return out;
  *out++ = '.';
  PutTwoDigits(fraction / 10'000, out);
  PutTwoDigits(fraction / 100 % 100, out + 2);
  PutTwoDigits(fraction % 100, out + 4);
  out += 6;
  while (out[-1] == '0') --out;
  return out;
}

char* FormatUuid(const uint8_t* bytes, char* out) {
  for (size_t i = 0; i < kUuidBytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = kHexDigits[bytes[i] >> 4];
    *out++ = kHexDigits[bytes[i] & 0xf];
  }
  return out;
}

}  // namespace trunkline
