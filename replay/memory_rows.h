// MemoryRows: the rows of a table in memory.
#pragma once

#include <vector>

#include "replay/fold_row_index.h"
#include "replay/row_arena.h"
#include "replay/row_store.h"

namespace trunkline {

// In the order in which rows came; one that changes stays in its place.
class MemoryRows final : public RowStore {
 public:
  explicit MemoryRows(const RowIdentity& identity) : identity_(identity), rows_(identity.width) {}

  uint64_t row_count() const override { return rows_.live(); }
  uint64_t memory_bytes() const override;

  // Makes room to find so many more rows, of which `live` stay; a guess will do. Takes up to
  // kMostBytesPerRow for each.
  static constexpr uint64_t kMostBytesPerRow = sizeof(char*) + RowIndex::kMostBytesPerRow;
  void Expect(uint64_t rows, uint64_t live);

  // Three steps that fetch what Find and Insert will look at, each a while after the one before.
  void PrefetchIndex(uint64_t hash) const { index_.Prefetch(hash); }
  void PrefetchSlot(uint64_t hash) const;
  void PrefetchRow(uint64_t hash) const;

  Result<bool> Insert(const PackedRow& row, uint64_t hash) override;
  Result<const char*> Find(const char* row, uint64_t hash) override;
  Result<void> Replace(const PackedRow& row) override;
  Result<bool> ReplaceIdentity(const PackedRow& row, uint64_t hash) override;
  Result<void> Erase() override;
  void Clear() override;
  Result<void> MakeRoom() override;
  Result<void> Finish() override;
  Result<void> ForEachRow(uint64_t first, uint64_t count, const Visit& visit) const override;

 private:
  using RowId = RowArena::RowId;

  auto IsLike(const char* row) const {
    return [this, row](RowId id) { return identity_.AreAlike(rows_.packed(id), row); };
  }
  size_t FindLike(const char* row, uint64_t hash) const;
  bool Link(RowId id, const char* packed, uint64_t hash);
  RowId Unlink(size_t slot);
  void Reindex();

  const RowIdentity identity_;
  RowArena rows_;
  RowIndex index_;
  std::vector<RowId> next_equal_;  // multiset: the next of rows that are all equal, or kNoRow
  size_t found_ = RowIndex::kNoSlot;
};

}  // namespace trunkline
