// FoldedTable: a table's rows while changes are folded into them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/column_mapping.h"
#include "archive/table_rows.h"
#include "base/error.h"
#include "decoder/change.h"
#include "decoder/relation.h"
#include "replay/memory_rows.h"
#include "replay/prepared_block.h"
#include "replay/row_store.h"
#include "replay/state.h"
#include "replay/state_memory.h"

namespace trunkline {

// A table with a replica identity finds rows by its key. Under REPLICA IDENTITY FULL rows are a
// multiset, found by all of their values. Without an identity there are only inserts.
//
// Values of keys are compared as text: what the stream sends of an old row is what it sent when the
// row was written.
class FoldedTable final : public TableState, public TableRows {
 public:
  // Rows of other parts than `part` are passed over. Without `memory` there is no end of that.
  explicit FoldedTable(Relation relation, const RowsPart& part = {},
                       std::shared_ptr<StateMemory> memory = nullptr);

  const Relation& relation() const override { return relation_; }
  uint64_t row_count() const override { return rows_->row_count(); }
  // Only after Finish.
  Result<void> ForEachRow(uint64_t first, uint64_t count,
                          const std::function<Result<void>(Tuple row)>& visit) const override {
    return rows_->ForEachRow(first, count, visit);
  }

  // Memory is fetched in three steps, ahead of Apply.
  void PrefetchIndex(uint64_t hash) const {
    if (in_memory_ != nullptr) in_memory_->PrefetchIndex(hash);
  }
  void PrefetchSlot(uint64_t hash) const {
    if (in_memory_ != nullptr) in_memory_->PrefetchSlot(hash);
  }
  void PrefetchRow(uint64_t hash) const {
    if (in_memory_ != nullptr) in_memory_->PrefetchRow(hash);
  }

  // Applies an insert, update or delete whose tuples are as wide as relation(). `hash` is that of
  // the identity by which the change names its row, `packed` its new row, where they were prepared.
  // kCorrupt when the archive cannot be right: a row to change is not there, a key is there
  // already. kUnsupported where a row comes from another part, which has values of it; so do Become
  // and ChangeValues.
  Result<void> Apply(const Change& change, uint64_t hash, const PackedRow& packed);
  Result<void> Apply(const Change& change);
  uint64_t LookupHash(const Change& change) const;

  // Other parts may have some.
  bool has_rows() const override { return rows_->row_count() > 0 || !part_.is_whole(); }
  Result<void> Become(Relation relation, const ColumnMapping& mapping) override;
  Result<bool> ChangeValues(size_t column, bool always_told,
                            const std::function<bool(Value* value)>& change) override;
  void Truncate() override;
  void set_doubt(Error doubt) override;
  // While in doubt: since when; set by whoever knows.
  Lsn doubtful_from() const { return doubtful_from_; }
  void set_doubtful_from(Lsn lsn) { doubtful_from_ = lsn; }
  const std::optional<Error>& doubt() const override { return doubt_; }

  // Gives back memory that rows do not need any more; called from time to time.
  Result<void> MakeRoom() { return rows_->MakeRoom(); }
  uint64_t memory_bytes() const { return rows_->memory_bytes(); }
  // Moves the rows to disk, where they stay. Only with `memory`.
  Result<void> Spill();
  // No more changes: drops what only folding needs.
  Result<void> Finish() { return rows_->Finish(); }

 private:
  using Kind = RowIdentity::Kind;

  // Empty, in memory or on disk, instead of rows_, which it returns.
  std::unique_ptr<RowStore> UseMemory();
  Result<std::unique_ptr<RowStore>> UseDisk();
  Error TakesOtherParts() const;
  bool IsInPart(Tuple row) const;
  Tuple WithOldValues(const Change& change);
  Result<void> ApplyWhole(const Change& change, uint64_t hash, const PackedRow& packed);
  // An update that leads a row from one part to another is a delete in the one, an insert in the
  // other.
  Result<void> ApplyInPart(const Change& change, uint64_t hash);
  // Whether each row stays in its part: parts go by the values of the identity, in its order.
  bool KeepsParts(const RowIdentity& before, const ColumnMapping& mapping) const;
  bool SameIdentity(const char* packed, Tuple other) const;
  Result<void> Rewrite(const std::function<Tuple(Tuple row)>& change);
  Result<void> TakeRows(const RowStore& rows, const std::function<Tuple(Tuple row)>& change);
  Result<Tuple> Complete(Tuple row, const char* old_row);
  PackedRow Pack(Tuple complete);
  Result<void> Insert(const Change& change, uint64_t hash, const PackedRow& packed);
  Result<void> Update(const Change& change, uint64_t hash, const PackedRow& packed);
  Result<void> Delete(Tuple old_row, uint64_t hash);

  Relation relation_;
  const RowsPart part_;
  const std::shared_ptr<StateMemory> memory_;
  RowIdentity identity_;
  std::unique_ptr<RowStore> rows_;
  MemoryRows* in_memory_ = nullptr;  // rows_, where they are
  std::optional<Error> doubt_;
  Lsn doubtful_from_;
  std::vector<Value> old_values_;  // scratch
  std::vector<Value> new_values_;  // scratch
  std::vector<Value> arriving_;    // scratch
  std::string packed_;             // scratch
};

}  // namespace trunkline
