// Values in the form that Postgres's receive functions take, made of their text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trunkline {

// Appends a field of COPY's binary format, its length first. False for a text that Postgres does
// not print for the type under the settings that Connection pins.
using BinaryEncoder = bool (*)(std::string_view text, std::string* out);

// Null for a type that has none here. What the encoders make is the same for all versions.
BinaryEncoder FindBinaryEncoder(uint32_t type_oid);
// Of enums and other types whose binary form is their text.
bool EncodeText(std::string_view text, std::string* out);

// `value` in network byte order.
template <typename T>
void AppendBigEndian(T value, std::string* out) {
  char bytes[sizeof(T)];
  for (size_t i = sizeof(T); i-- > 0; value = static_cast<T>(static_cast<uint64_t>(value) >> 8)) {
    bytes[i] = static_cast<char>(value & 0xff);
  }
  out->append(bytes, sizeof(T));
}

}  // namespace trunkline
