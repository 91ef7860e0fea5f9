// Memory on huge pages, for what is large and found at random: a look-up then costs one miss of the
// processor's caches instead of one more of its page tables.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <future>
#include <new>
#include <utility>

namespace trunkline {

inline constexpr size_t kHugePageBytes = 2 << 20;

// An allocator for containers. What is smaller than a huge page comes from the heap as ever; the
// kernel may also refuse huge pages, which costs time and nothing else.
template <typename T>
class HugePageAllocator {
 public:
  using value_type = T;

  HugePageAllocator() = default;
  template <typename Other>
  HugePageAllocator(const HugePageAllocator<Other>&) {}  // NOLINT: allocators convert

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (bytes < kHugePageBytes) return static_cast<T*>(::operator new(bytes));
    void* memory = nullptr;
    if (posix_memalign(&memory, kHugePageBytes, bytes) != 0) throw std::bad_alloc();
    // What is left over is on small pages, for a huge one is cleared and counted as a whole.
    madvise(memory, bytes / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }

  void deallocate(T* memory, size_t count) {
    if (count * sizeof(T) < kHugePageBytes) {
      ::operator delete(memory);
    } else {
      std::free(memory);
    }
  }

  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) { return true; }
};

// Memory made ahead of its need, on another thread: the kernel clears a page when it is first
// touched, which takes as long as filling it. One thread owns it.
template <typename T>
class MadeAhead {
 public:
  // Makes one by `make`, unless one is there. It must be as good as made by the caller later.
  template <typename Make>
  void Begin(Make make) {
    if (!next_.valid()) next_ = std::async(std::launch::async, std::move(make));
  }
  bool begun() const { return next_.valid(); }
  // Only if begun().
  T Take() { return next_.get(); }

 private:
  std::future<T> next_;
};

}  // namespace trunkline
