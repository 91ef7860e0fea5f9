// Rows of text in bytes, as a history and its index keep them (docs/index_format.md).
//
// A column is a varint followed by bytes: 0 is NULL, n + 1 a text value of n bytes. The number of
// columns is the table's, not the row's. Equal rows have equal bytes, and so have equal values.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "decoder/change.h"
#include "replay/copy_bytes.h"

namespace trunkline {

inline size_t VarintSize(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

inline size_t PackedSize(const Value& value) {
  const size_t code = value.state == ValueState::kNull ? 0 : value.bytes.size() + 1;
  return VarintSize(code) + value.bytes.size();
}

inline size_t PackedSize(Tuple row) {
  size_t size = 0;
  for (const Value& value : row) size += PackedSize(value);
  return size;
}

// Writes PackedSize(value) bytes of a value that is kNull or kText, and returns their end.
inline char* PackValue(const Value& value, char* out) {
  uint64_t code = value.state == ValueState::kNull ? 0 : value.bytes.size() + 1;
  for (; code >= 0x80; code >>= 7) *out++ = static_cast<char>(code | 0x80);
  *out++ = static_cast<char>(code);
  CopyBytes(value.bytes.data(), value.bytes.size(), out);
  return out + value.bytes.size();
}

// Writes PackedSize(row) bytes; every value is kNull or kText.
inline void PackRow(Tuple row, char* out) {
  for (const Value& value : row) out = PackValue(value, out);
}

// Reads one value and moves `*packed` past it.
inline Value UnpackValue(const char** packed) {
  const char* in = *packed;
  auto byte = static_cast<uint8_t>(*in++);
  uint64_t code = byte & 0x7f;
  for (unsigned shift = 7; byte >= 0x80; shift += 7) {
    byte = static_cast<uint8_t>(*in++);
    code |= static_cast<uint64_t>(byte & 0x7f) << shift;
  }
  const size_t size = code == 0 ? 0 : code - 1;
  *packed = in + size;
  return Value{.state = code == 0 ? ValueState::kNull : ValueState::kText, .bytes = {in, size}};
}

inline void UnpackRow(const char* packed, std::span<Value> row) {
  for (Value& value : row) value = UnpackValue(&packed);
}

}  // namespace trunkline
