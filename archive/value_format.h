// Text of values that can be kept as integers, exactly: what Parse accepts, Format prints again
// byte for byte; everything else is refused and kept as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trunkline {

enum class ValueType : uint8_t {
  kText = 0,
  kDecimal = 1,      // "-12.50": int2, int4, int8, oid, numeric with a fixed number of decimals
  kDate = 2,         // "2016-11-30": days since 2000-01-01
  kTimestamp = 3,    // "2016-11-30 17:29:00.25": microseconds since 2000-01-01
  kTimestampTz = 4,  // "2016-11-30 17:29:00.25+00"
  kUuid = 5,         // 16 bytes
};

struct ValueShape {
  ValueType type = ValueType::kText;
  uint8_t decimals = 0;  // kDecimal: digits after the point

  friend bool operator==(const ValueShape&, const ValueShape&) = default;
};

inline constexpr uint8_t kMaxDecimals = 18;
inline constexpr size_t kUuidBytes = 16;
inline constexpr size_t kUuidTextBytes = 36;
// No Format writes more.
inline constexpr size_t kMaxFormattedBytes = 40;

// The shape that fits `text`; kText when no other does.
ValueShape ShapeOf(std::string_view text);

// False unless `text` has the shape, which is neither kText nor kUuid.
bool ParseValue(ValueShape shape, std::string_view text, int64_t* value);
bool ParseUuid(std::string_view text, uint8_t* bytes);

// Writes the text of any integers, one after another: it keeps the day it wrote last, and so best
// serves one column.
class ValueFormatter {
 public:
  // Returns the end of what it wrote from `out`, which has room for kMaxFormattedBytes. Any value
  // is printed, but only those that ParseValue yields as Postgres would.
  char* Format(ValueShape shape, int64_t value, char* out);

 private:
  char* FormatDate(int64_t days, char* out);
  char* FormatTimestamp(int64_t micros, char* out);

  int64_t day_ = INT64_MIN;
  char day_text_[kMaxFormattedBytes] = {};
  size_t day_size_ = 0;
};

char* FormatUuid(const uint8_t* bytes, char* out);

}  // namespace trunkline
