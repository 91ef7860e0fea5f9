// RowArena: packed rows in memory, numbered in the order of their arrival.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/huge_pages.h"
#include "replay/row_chunk.h"
#include "replay/row_store.h"

namespace trunkline {

class RowArena {
 public:
  using RowId = uint32_t;
  static constexpr RowId kNoRow = UINT32_MAX;

  // Of rows with this many columns.
  explicit RowArena(size_t width) : width_(width) {}

  // Room for so many ids.
  void Reserve(uint64_t ids) {
    if (ids > rows_.capacity()) rows_.reserve(std::max(ids, 2 * rows_.capacity()));
  }
  RowId Append(const PackedRow& row);
  // `row` may borrow from the row it replaces.
  void Replace(RowId id, const PackedRow& row);
  void Erase(RowId id);

  // The packed bytes; null for an erased row.
  const char* packed(RowId id) const { return rows_[id]; }
  void Prefetch(RowId id) const { __builtin_prefetch(&rows_[id]); }
  void PrefetchRow(RowId id) const { __builtin_prefetch(rows_[id]); }
  // Ids ever given, erased ones included.
  RowId end() const { return static_cast<RowId>(rows_.size()); }
  uint64_t live() const { return live_; }
  uint64_t memory_bytes() const { return allocated_bytes_ + rows_.capacity() * sizeof rows_[0]; }
  // A block's rows may take more ids than are left, until Compact.
  bool nearly_full() const { return rows_.size() > kNoRow - (1U << 20); }
  // Erased and replaced rows take more room than live ones.
  bool wasteful() const;
  // Drops erased rows, which renumbers the others in their order.
  void DropErased();
  // The same, and gives back the room of erased and replaced rows.
  void Compact();

 private:
  const char* Keep(const PackedRow& row);
  char* Allocate(size_t size);
  void Release(const char* packed) { wasted_bytes_ += WholeSize(packed); }
  size_t WholeSize(const char* packed) const;

  size_t width_;
  std::vector<const char*, HugePageAllocator<const char*>> rows_;
  std::vector<std::shared_ptr<const RowChunk>> chunks_;  // of others, where rows lie
  std::vector<std::unique_ptr<RowChunk>> own_chunks_;
  size_t used_bytes_ = 0;  // of the last of own_chunks_
  uint64_t live_ = 0;
  uint64_t allocated_bytes_ = 0;
  uint64_t wasted_bytes_ = 0;
};

}  // namespace trunkline
