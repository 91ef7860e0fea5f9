#include "replay/type_text.h"

#include <string_view>

#include "replay/log_names.h"

namespace trunkline {
namespace {

constexpr int32_t kHeaderSize = 4;  // VARHDRSZ, which the modifiers of varlena types include

std::string InParentheses(int32_t number) { return "(" + std::to_string(number) + ")"; }

// "(10,2)"; the scale has 11 bits and a sign, the bits of older versions are the same.
std::string NumericModifier(int32_t modifier) {
  const int32_t bits = modifier - kHeaderSize;
  const int32_t precision = (bits >> 16) & 0xffff;
  const int32_t scale = ((bits & 0x7ff) ^ 1024) - 1024;
  return "(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
}

// " day to second(2)": which fields there are is a bit mask of their numbers (MONTH 1, YEAR 2,
// DAY 3, HOUR 10, MINUTE 11, SECOND 12), the lower half is the precision.
std::string IntervalModifier(int32_t modifier) {
  struct Fields {
    int32_t mask;
    const char* text;
  };
  constexpr int32_t kYear = 1 << 2;
  constexpr int32_t kMonth = 1 << 1;
  constexpr int32_t kDay = 1 << 3;
  constexpr int32_t kHour = 1 << 10;
  constexpr int32_t kMinute = 1 << 11;
  constexpr int32_t kSecond = 1 << 12;
  constexpr Fields kFields[] = {{kYear, " year"},
                                {kMonth, " month"},
                                {kDay, " day"},
                                {kHour, " hour"},
                                {kMinute, " minute"},
                                {kSecond, " second"},
                                {kYear | kMonth, " year to month"},
                                {kDay | kHour, " day to hour"},
                                {kDay | kHour | kMinute, " day to minute"},
                                {kDay | kHour | kMinute | kSecond, " day to second"},
                                {kHour | kMinute, " hour to minute"},
                                {kHour | kMinute | kSecond, " hour to second"},
                                {kMinute | kSecond, " minute to second"}};
  constexpr int32_t kFullPrecision = 0xffff;
  const int32_t mask = (modifier >> 16) & 0x7fff;
  const int32_t precision = modifier & 0xffff;
  std::string text;
  for (const Fields& fields : kFields) {
    if (fields.mask == mask) text = fields.text;
  }
  return precision == kFullPrecision ? text : text + InParentheses(precision);
}

std::string WithModifier(std::string_view name, int32_t modifier) {
  const std::string plain(name);
  if (name == "numeric") return plain + NumericModifier(modifier);
  if (name == "interval") return plain + IntervalModifier(modifier);
  if (name == "bit" || name == "bit varying") return plain + InParentheses(modifier);
  if (name.starts_with("time")) {  // "timestamp without time zone" and the like
    const size_t word = name.find(' ');
    return plain.substr(0, word) + InParentheses(modifier) + plain.substr(word);
  }
  return plain + InParentheses(modifier - kHeaderSize);
}

// Without a length these names would mean one of 1.
std::string WithoutModifier(std::string_view name) {
  if (name == "character") return "bpchar";
  if (name == "bit") return "\"bit\"";
  return std::string(name);
}

}  // namespace

std::string BuiltinTypeText(uint32_t oid, int32_t modifier) {
  std::string_view name = BuiltinTypeName(oid);
  const bool array = name.ends_with("[]");
  if (array) name.remove_suffix(2);
  const std::string text = modifier < 0 ? WithoutModifier(name) : WithModifier(name, modifier);
  return array ? text + "[]" : text;
}

}  // namespace trunkline
