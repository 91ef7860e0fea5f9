// Values in the form that Postgres's receive functions take, made of their text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "archive/cell.h"
#include "archive/value_format.h"

namespace trunkline {

// Makes fields of COPY's binary format, of the values of one column.
class BinaryEncoder {
 public:
  // Empty for a type that has none here. What is made is the same for all versions.
  static std::optional<BinaryEncoder> For(uint32_t type_oid);
  // For enums and other types whose binary form is their text.
  static BinaryEncoder ForText();

  // Appends a field, its length first, of a cell that is no null. False for a text that Postgres
  // does not print for the type under the settings that Connection pins.
  bool Append(const Cell& cell, std::string* out);

 private:
  using TextEncoder = bool (*)(std::string_view text, std::string* out);

  explicit BinaryEncoder(TextEncoder text) : text_(text) {}
  static TextEncoder FindTextEncoder(uint32_t type_oid);
  bool AppendNumber(int64_t number, std::string* out) const;

  TextEncoder text_ = nullptr;
  // Where the binary form is a number that a cell may be: what it is a number of, its size in bytes
  // (0: it is none), and whether it has a sign.
  ValueType number_type_ = ValueType::kText;
  size_t number_bytes_ = 0;
  bool has_sign_ = true;
  ValueFormatter formatter_;
};

}  // namespace trunkline
