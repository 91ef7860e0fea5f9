#include "replay/fold_row_store.h"

#include <algorithm>
#include <utility>

#include "replay/fold_row.h"

namespace trunkline {
namespace {

constexpr size_t kSmallestChunk = 4 << 10;
constexpr size_t kLargestChunk = 4 << 20;
constexpr size_t kSmallestPage = 4 << 10;
// Below this much waste a compaction is not worth its work.
constexpr uint64_t kTolerableWaste = 32 << 20;
constexpr uint64_t kTolerableDeadRows = 4 << 20;

// A row's room, in bytes, stands in front of it.
using Room = uint64_t;

Room RoomOf(const char* packed) {
  Room room = 0;
  std::memcpy(&room, packed - sizeof room, sizeof room);
  return room;
}

}  // namespace

RowStore::Chunk RowStore::Chunk::Touched(size_t size) {
  Chunk chunk(size);
  for (size_t at = 0; at < size; at += kSmallestPage) chunk.bytes_[at] = 0;
  return chunk;
}

void RowStore::AddChunk(size_t needed) {
  const size_t usual =
      std::clamp(static_cast<size_t>(allocated_bytes_ / 4), kSmallestChunk, kLargestChunk);
  if (needed <= usual && next_chunk_.begun()) {
    chunks_.push_back(next_chunk_.Take());
  } else {
    chunks_.emplace_back(std::max(usual, needed));
  }
  if (usual == kLargestChunk) next_chunk_.Begin([] { return Chunk::Touched(kLargestChunk); });
}

char* RowStore::Allocate(size_t payload) {
  const size_t needed = payload + sizeof(Room);
  if (chunks_.empty() || chunks_.back().room() < needed) AddChunk(needed);
  char* packed = chunks_.back().Take(needed) + sizeof(Room);
  allocated_bytes_ += needed;
  const Room room = payload;
  std::memcpy(packed - sizeof room, &room, sizeof room);
  return packed;
}

void RowStore::Release(const char* packed) { wasted_bytes_ += RoomOf(packed) + sizeof(Room); }

RowStore::RowId RowStore::Append(Tuple row) {
  char* packed = Allocate(PackedSize(row));
  PackRow(row, packed);
  rows_.push_back(packed);
  ++live_;
  return static_cast<RowId>(rows_.size() - 1);
}

void RowStore::Replace(RowId id, Tuple row) {
  // Never in place: `row` may borrow from the old version.
  char* packed = Allocate(PackedSize(row));
  PackRow(row, packed);
  Release(rows_[id]);
  rows_[id] = packed;
}

void RowStore::Erase(RowId id) {
  Release(rows_[id]);
  rows_[id] = nullptr;
  --live_;
}

void RowStore::Clear() { *this = RowStore(); }

bool RowStore::wasteful() const {
  const uint64_t dead_rows = rows_.size() - live_;
  return (wasted_bytes_ > kTolerableWaste && wasted_bytes_ > allocated_bytes_ / 2) ||
         (dead_rows > kTolerableDeadRows && dead_rows > live_);
}

void RowStore::DropErased() { std::erase(rows_, nullptr); }

void RowStore::Compact() {
  RowStore compact;
  compact.rows_.reserve(live_);
  for (const char* packed : rows_) {
    if (packed == nullptr) continue;
    const Room room = RoomOf(packed);
    char* copy = compact.Allocate(room);
    std::memcpy(copy, packed, room);
    compact.rows_.push_back(copy);
  }
  compact.live_ = live_;
  *this = std::move(compact);
}

}  // namespace trunkline
