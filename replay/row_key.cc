#include "replay/row_key.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "archive/stream_definition.h"
#include "base/timestamp.h"
#include "replay/log_names.h"

namespace trunkline {
namespace {

// pg_type OIDs, which never change.
constexpr uint32_t kBool = 16;
constexpr uint32_t kInt8 = 20;
constexpr uint32_t kInt2 = 21;
constexpr uint32_t kInt4 = 23;
constexpr uint32_t kOid = 26;
constexpr uint32_t kBpchar = 1042;
constexpr uint32_t kDate = 1082;
constexpr uint32_t kTimestamp = 1114;
constexpr uint32_t kTimestampTz = 1184;
constexpr uint32_t kNumeric = 1700;
constexpr uint32_t kUuid = 2950;

constexpr int32_t kModifierHeader = 4;  // in front of a length, or of a precision and scale

using Canonical = std::optional<std::string>;  // nothing: not of the type

Canonical Integer(std::string_view text, int64_t min, int64_t max) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < min || value > max) return std::nullopt;
  return std::to_string(value);
}

template <typename T>
Canonical IntegerOf(std::string_view text) {
  return Integer(text, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
}

Canonical Boolean(std::string_view text) {
  if (text == "t" || text == "true") return "t";
  if (text == "f" || text == "false") return "f";
  return std::nullopt;
}

// The server also takes braces and groups of another size; what people copy is this.
Canonical Uuid(std::string_view text) {
  constexpr size_t kLength = 36;
  if (text.size() != kLength) return std::nullopt;
  std::string uuid;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] + 32) : text[i];
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !digit) return std::nullopt;
    uuid.push_back(c);
  }
  return uuid;
}

Canonical Numeric(std::string_view text, int32_t modifier) {
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return std::string(text);
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  const size_t point = std::min(digits.find('.'), digits.size());
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string_view whole = digits.substr(0, point);
  const std::string_view fraction = point < digits.size() ? digits.substr(point + 1) : "";
  if (whole.empty() || !std::all_of(whole.begin(), whole.end(), is_digit) ||
      !std::all_of(fraction.begin(), fraction.end(), is_digit)) {
    return std::nullopt;
  }
  std::string canonical(text);
  if (modifier < kModifierHeader) return canonical;
  const size_t scale = static_cast<size_t>(modifier - kModifierHeader) & 0x7FF;
  if (fraction.size() > scale) return std::nullopt;
  if (point == digits.size() && scale > 0) canonical += '.';
  return canonical.append(scale - fraction.size(), '0');
}

bool IsBeyondTheCalendar(std::string_view text) {
  return text == "infinity" || text == "-infinity" || text.ends_with(" BC");
}

// `rest` makes a timestamp with time zone of it, and stands at the end of what that prints.
Canonical Time(std::string_view text, const std::string& rest, size_t cut) {
  if (IsBeyondTheCalendar(text)) return std::string(text);
  const Result<Timestamp> time = Timestamp::Parse(std::string(text) + rest);
  if (!time) return std::nullopt;
  const std::string printed = time->ToString();
  return printed.substr(0, printed.size() - cut);
}

// Blanks up to the length, as the server prints them.
Canonical Padded(std::string_view text, int32_t modifier) {
  std::string padded(text);
  if (modifier < kModifierHeader) return padded;
  const auto length = static_cast<size_t>(modifier - kModifierHeader);
  const auto characters = static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
  if (characters < length) padded.append(length - characters, ' ');
  return padded;
}

Canonical CanonicalOf(const RelationColumn& column, std::string_view text) {
  switch (column.type_oid) {
    case kBool:
      return Boolean(text);
    case kInt2:
      return IntegerOf<int16_t>(text);
    case kInt4:
      return IntegerOf<int32_t>(text);
    case kInt8:
      return IntegerOf<int64_t>(text);
    case kOid:
      return IntegerOf<uint32_t>(text);
    case kUuid:
      return Uuid(text);
    case kNumeric:
      return Numeric(text, column.type_modifier);
    case kDate:
      return Time(text, " 00:00:00+00", std::string_view(" 00:00:00+00").size());
    case kTimestamp:
      return Time(text, "+00", std::string_view("+00").size());
    case kTimestampTz:
      return Time(text, "", 0);
    case kBpchar:
      return Padded(text, column.type_modifier);
    default:
      return std::string(text);
  }
}

std::string Columns(const TableShape& shape) {
  std::string names;
  for (const uint16_t column : shape.key) {
    if (!names.empty()) names += ", ";
    names += '"' + shape.relation.columns[column].name + '"';
  }
  return names;
}

std::string CountOf(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

Result<std::vector<std::string>> ParseCsvKey(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (!quoted) return fields;
  return Fail(ErrorKind::kInvalidArgument, "--key has a quote without its end");
}

Result<std::string> ParseRowKey(const TableShape& shape, std::string_view line) {
  const std::string table = NameOf(shape.relation);
  if (shape.key.empty()) {
    return Fail(ErrorKind::kUnsupported,
                "the table " + table + " has no key that tells its rows apart",
                "trunkline log --table shows all that happened to it");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> fields, ParseCsvKey(line));
  if (fields.size() != shape.key.size()) {
    return Fail(ErrorKind::kInvalidArgument,
                "--key has " + CountOf(fields.size(), "value") + ", and the key of " + table +
                    " is " + CountOf(shape.key.size(), "column") + ": " + Columns(shape),
                "write the values with commas between, quoted as in CSV where they hold one");
  }
  std::vector<Value> row(shape.relation.columns.size());
  std::vector<std::string> values(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    const RelationColumn& column = shape.relation.columns[shape.key[i]];
    Canonical canonical = CanonicalOf(column, fields[i]);
    if (!canonical) {
      return Fail(ErrorKind::kInvalidArgument,
                  "value " + std::to_string(i + 1) + " of --key cannot be of the type " +
                      std::string(BuiltinTypeName(column.type_oid)) + ", which the column \"" +
                      column.name + "\" of " + table + " has",
                  "write it as the server prints it, in UTC");
    }
    values[i] = std::move(*canonical);
    row[shape.key[i]] = {.state = ValueState::kText, .bytes = values[i]};
  }
  return EncodeKey(shape, row);
}

}  // namespace trunkline
