#include "replay/row_arena.h"

#include <algorithm>
#include <cstring>

#include "replay/cell_row.h"

namespace trunkline {
namespace {

constexpr size_t kSmallestChunk = 4 << 10;
constexpr size_t kLargestChunk = 4 << 20;
// Below this much waste a compaction is not worth its work.
constexpr uint64_t kTolerableWaste = 32 << 20;
constexpr uint64_t kTolerableDeadRows = 4 << 20;

}  // namespace

size_t RowArena::WholeSize(const char* packed) const { return WholeRow(packed, width_).size(); }

char* RowArena::Allocate(size_t size) {
  if (own_chunks_.empty() || own_chunks_.back()->size() - used_bytes_ < size) {
    const size_t usual =
        std::clamp(static_cast<size_t>(allocated_bytes_ / 4), kSmallestChunk, kLargestChunk);
    own_chunks_.push_back(std::make_unique<RowChunk>(std::max(usual, size)));
    allocated_bytes_ += own_chunks_.back()->size();
    used_bytes_ = 0;
  }
  return own_chunks_.back()->bytes() + std::exchange(used_bytes_, used_bytes_ + size);
}

// Where the row's bytes stay.
const char* RowArena::Keep(const PackedRow& row) {
  if (row.chunk == nullptr) {
    char* copy = Allocate(row.bytes.size());
    CopyBytes(row.bytes.data(), row.bytes.size(), copy);
    return copy;
  }
  if (chunks_.empty() || chunks_.back() != *row.chunk) {
    chunks_.push_back(*row.chunk);
    allocated_bytes_ += chunks_.back()->size();
  }
  return row.bytes.data();
}

RowArena::RowId RowArena::Append(const PackedRow& row) {
  rows_.push_back(Keep(row));
  ++live_;
  return static_cast<RowId>(rows_.size() - 1);
}

void RowArena::Replace(RowId id, const PackedRow& row) {
  // Never in place: `row` may borrow from the old version.
  const char* packed = Keep(row);
  Release(rows_[id]);
  rows_[id] = packed;
}

void RowArena::Erase(RowId id) {
  Release(rows_[id]);
  rows_[id] = nullptr;
  --live_;
}

bool RowArena::wasteful() const {
  const uint64_t dead_rows = rows_.size() - live_;
  return (wasted_bytes_ > kTolerableWaste && wasted_bytes_ > allocated_bytes_ / 2) ||
         (dead_rows > kTolerableDeadRows && dead_rows > live_);
}

void RowArena::DropErased() { std::erase(rows_, nullptr); }

void RowArena::Compact() {
  RowArena compact(width_);
  compact.rows_.reserve(live_);
  for (const char* packed : rows_) {
    if (packed != nullptr) compact.Append({WholeRow(packed, width_)});
  }
  *this = std::move(compact);
}

}  // namespace trunkline
