// RowStore: packed rows in arenas, numbered in the order of their arrival.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "decoder/change.h"
#include "replay/huge_pages.h"

namespace trunkline {

class RowStore {
 public:
  using RowId = uint32_t;
  static constexpr RowId kNoRow = UINT32_MAX;

  RowId Append(Tuple row);
  // `row` may borrow from the row it replaces.
  void Replace(RowId id, Tuple row);
  void Erase(RowId id);
  void Clear();

  // The packed bytes; null for an erased row.
  const char* packed(RowId id) const { return rows_[id]; }
  void Prefetch(RowId id) const { __builtin_prefetch(&rows_[id]); }
  // Ids ever given, erased ones included.
  RowId end() const { return static_cast<RowId>(rows_.size()); }
  uint64_t live() const { return live_; }
  // No id is left to give until Compact.
  bool full() const { return rows_.size() >= kNoRow; }
  // Erased and replaced rows take more room than live ones.
  bool wasteful() const;
  // Drops erased rows, which renumbers the others in their order.
  void DropErased();
  // The same, and gives back the room of erased and replaced rows.
  void Compact();

 private:
  // Owns its memory, which is never moved.
  class Chunk {
   public:
    explicit Chunk(size_t size) : bytes_(HugePageAllocator<char>().allocate(size)), size_(size) {}
    Chunk(Chunk&& other) noexcept
        : bytes_(std::exchange(other.bytes_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          used_(std::exchange(other.used_, 0)) {}
    Chunk& operator=(Chunk&&) = delete;
    ~Chunk() {
      if (bytes_ != nullptr) HugePageAllocator<char>().deallocate(bytes_, size_);
    }

    // Every page of it has been written to.
    static Chunk Touched(size_t size);

    size_t room() const { return size_ - used_; }
    char* Take(size_t size) { return bytes_ + std::exchange(used_, used_ + size); }

   private:
    char* bytes_;
    size_t size_;
    size_t used_ = 0;
  };

  void AddChunk(size_t needed);
  char* Allocate(size_t payload);
  void Release(const char* packed);

  std::vector<char*, HugePageAllocator<char*>> rows_;
  std::vector<Chunk> chunks_;
  MadeAhead<Chunk> next_chunk_;  // of the usual size, once that is the largest
  uint64_t live_ = 0;
  uint64_t allocated_bytes_ = 0;
  uint64_t wasted_bytes_ = 0;
};

}  // namespace trunkline
