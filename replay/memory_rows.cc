#include "replay/memory_rows.h"

#include <algorithm>

namespace trunkline {
namespace {

// Rows that changed lie elsewhere than their neighbours.
constexpr uint64_t kRowsAhead = 16;

}  // namespace

uint64_t MemoryRows::memory_bytes() const {
  return rows_.memory_bytes() + index_.memory_bytes() + next_equal_.capacity() * sizeof(RowId);
}

void MemoryRows::Expect(uint64_t rows, uint64_t live) {
  rows_.Reserve(rows_.end() + rows);
  if (identity_.kind != RowIdentity::Kind::kInsertOnly) index_.Reserve(rows_.live() + live);
}

void MemoryRows::PrefetchSlot(uint64_t hash) const {
  if (const RowId row = index_.Guess(hash); row != RowArena::kNoRow) rows_.Prefetch(row);
}

void MemoryRows::PrefetchRow(uint64_t hash) const {
  const RowId row = index_.Guess(hash);
  if (row == RowArena::kNoRow) return;
  if (const char* packed = rows_.packed(row)) __builtin_prefetch(packed);
}

size_t MemoryRows::FindLike(const char* row, uint64_t hash) const {
  return index_.Find(hash, IsLike(row));
}

// Makes row `id` findable; false where a keyed row with its identity is.
bool MemoryRows::Link(RowId id, const char* packed, uint64_t hash) {
  if (identity_.kind == RowIdentity::Kind::kInsertOnly) return true;
  const size_t slot = index_.FindOrInsert(hash, id, IsLike(packed));
  if (identity_.kind == RowIdentity::Kind::kKeyed) return slot == RowIndex::kNoSlot;
  if (next_equal_.size() <= id) next_equal_.resize(id + 1, RowArena::kNoRow);
  next_equal_[id] = RowArena::kNoRow;
  if (slot != RowIndex::kNoSlot) {
    next_equal_[id] = index_.row(slot);
    index_.set_row(slot, id);
  }
  return true;
}

// Makes one row of `slot` unfindable, and says which.
MemoryRows::RowId MemoryRows::Unlink(size_t slot) {
  const RowId id = index_.row(slot);
  if (identity_.kind == RowIdentity::Kind::kMultiset && next_equal_[id] != RowArena::kNoRow) {
    index_.set_row(slot, next_equal_[id]);
  } else {
    index_.Erase(slot);
  }
  return id;
}

Result<bool> MemoryRows::Insert(const PackedRow& row, uint64_t hash) {
  if (!Link(rows_.end(), row.bytes.data(), hash)) return false;
  rows_.Append(row);
  return true;
}

Result<const char*> MemoryRows::Find(const char* row, uint64_t hash) {
  found_ = FindLike(row, hash);
  if (found_ == RowIndex::kNoSlot) return static_cast<const char*>(nullptr);
  return rows_.packed(index_.row(found_));
}

Result<void> MemoryRows::Replace(const PackedRow& row) {
  rows_.Replace(index_.row(found_), row);
  return {};
}

Result<bool> MemoryRows::ReplaceIdentity(const PackedRow& row, uint64_t hash) {
  const bool keyed = identity_.kind == RowIdentity::Kind::kKeyed;
  if (keyed && FindLike(row.bytes.data(), hash) != RowIndex::kNoSlot) return false;
  const RowId id = Unlink(found_);
  Link(id, row.bytes.data(), hash);
  rows_.Replace(id, row);
  return true;
}

Result<void> MemoryRows::Erase() {
  rows_.Erase(Unlink(found_));
  return {};
}

void MemoryRows::Clear() {
  rows_ = RowArena(identity_.width);
  index_.Clear();
  next_equal_ = std::vector<RowId>();  // {} would keep its room
}

void MemoryRows::Reindex() {
  index_.Clear();
  next_equal_.clear();
  if (identity_.kind == RowIdentity::Kind::kInsertOnly) return;
  index_.Reserve(rows_.live());
  for (RowId id = 0; id < rows_.end(); ++id) {
    Link(id, rows_.packed(id), identity_.Hash(rows_.packed(id)));
  }
}

Result<void> MemoryRows::MakeRoom() {
  if (!rows_.wasteful() && !rows_.nearly_full()) return {};
  rows_.Compact();
  if (rows_.nearly_full()) {
    return Fail(ErrorKind::kUnsupported, "it has more rows than fit in memory",
                "with less --memory they are kept on disk");
  }
  Reindex();
  return {};
}

Result<void> MemoryRows::Finish() {
  index_.Clear();
  next_equal_ = std::vector<RowId>();  // {} would keep its room
  rows_.DropErased();
  return {};
}

Result<void> MemoryRows::ForEachRow(uint64_t first, uint64_t count, const Visit& visit) const {
  const uint64_t end = std::min<uint64_t>(rows_.end(), first + std::min(count, UINT64_MAX - first));
  for (uint64_t id = first; id < end; ++id) {
    if (id + kRowsAhead < end) rows_.PrefetchRow(static_cast<RowId>(id + kRowsAhead));
    const char* packed = rows_.packed(static_cast<RowId>(id));
    if (packed != nullptr) TRY(visit(packed));
  }
  return {};
}

}  // namespace trunkline
