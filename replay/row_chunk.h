// RowChunk: memory that packed rows lie in. Its content is not cleared first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "replay/huge_pages.h"

namespace trunkline {

class RowChunk {
 public:
  explicit RowChunk(size_t size) : size_(size), bytes_(Allocate(size)) {}
  RowChunk(const RowChunk&) = delete;
  RowChunk& operator=(const RowChunk&) = delete;
  ~RowChunk() { std::free(bytes_); }

  char* bytes() { return bytes_; }
  const char* bytes() const { return bytes_; }
  size_t size() const { return size_; }
  // Gives back what is behind the first `size` bytes, which may move; nothing of a huge page.
  void Shrink(size_t size) {
    if (size_ >= kHugePageBytes) return;
    void* const bytes = std::realloc(bytes_, std::max<size_t>(size, 1));
    if (bytes != nullptr) bytes_ = static_cast<char*>(bytes);
    size_ = size;
  }

 private:
  static char* Allocate(size_t size) {
    if (size >= kHugePageBytes) return HugePageAllocator<char>().allocate(size);
    void* const bytes = std::malloc(std::max<size_t>(size, 1));
    if (bytes == nullptr) throw std::bad_alloc();
    return static_cast<char*>(bytes);
  }

  size_t size_;
  char* bytes_;
};

}  // namespace trunkline
