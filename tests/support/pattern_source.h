// PatternSource: any amount of bytes that follow from a seed, in no memory.
#pragma once

#include <cstdint>

#include "archive/byte_source.h"

namespace trunkline::test {

class PatternSource : public ByteSource {
 public:
  PatternSource(uint64_t size, uint64_t seed) : size_(size), seed_(seed) {}
  uint64_t size() const override { return size_; }
  Result<void> Read(uint64_t offset, char* buffer, size_t length) const override {
    for (size_t i = 0; i < length; ++i) buffer[i] = ByteAt(offset + i);
    return {};
  }

 private:
  char ByteAt(uint64_t offset) const {
    const uint64_t word = (offset / 8 + seed_) * 0x9E3779B97F4A7C15;
    return static_cast<char>(word >> (offset % 8 * 8));
  }

  uint64_t size_;
  uint64_t seed_;
};

}  // namespace trunkline::test
