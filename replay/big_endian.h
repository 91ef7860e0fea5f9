// Integers in network byte order, in which their bytes sort as they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace trunkline {

template <typename T>
void AppendBigEndian(T value, std::string* out) {
  char bytes[sizeof(T)];
  for (size_t i = sizeof(T); i-- > 0; value = static_cast<T>(static_cast<uint64_t>(value) >> 8)) {
    bytes[i] = static_cast<char>(value & 0xff);
  }
  out->append(bytes, sizeof(T));
}

// Reads sizeof(T) bytes.
template <typename T>
T GetBigEndian(const char* bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return static_cast<T>(value);
}

}  // namespace trunkline
