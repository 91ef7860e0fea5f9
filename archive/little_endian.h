// Fixed-width little-endian integers, as they stand in a segment outside Protobuf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace trunkline {

template <typename T>
void PutLittleEndian(T value, std::string* out) {
  for (size_t i = 0; i < sizeof(T); ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

// Reads sizeof(T) bytes.
template <typename T>
T GetLittleEndian(const char* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[i])) << (8 * i));
  }
  return value;
}

}  // namespace trunkline
