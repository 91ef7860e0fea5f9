// RowChunk: memory that packed rows lie in. It never moves, and its content is not cleared first.
#pragma once

#include <algorithm>
#include <cstddef>

#include "replay/huge_pages.h"

namespace trunkline {

class RowChunk {
 public:
  explicit RowChunk(size_t size)
      : size_(std::max<size_t>(size, 1)), bytes_(HugePageAllocator<char>().allocate(size_)) {}
  RowChunk(const RowChunk&) = delete;
  RowChunk& operator=(const RowChunk&) = delete;
  ~RowChunk() { HugePageAllocator<char>().deallocate(bytes_, size_); }

  char* bytes() { return bytes_; }
  const char* bytes() const { return bytes_; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  char* bytes_;
};

}  // namespace trunkline
