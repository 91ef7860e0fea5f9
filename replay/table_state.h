// FoldedTable: a table's rows while changes are folded into them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "archive/column_mapping.h"
#include "archive/table_rows.h"
#include "base/error.h"
#include "decoder/change.h"
#include "decoder/relation.h"
#include "replay/cell_row.h"
#include "replay/memory_rows.h"
#include "replay/prepared_block.h"
#include "replay/row_store.h"
#include "replay/skip_observer.h"
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
  // Only after Finish; so ForEachCells.
  Result<void> ForEachRow(uint64_t first, uint64_t count,
                          const std::function<Result<void>(Tuple row)>& visit) const override;
  Result<void> ForEachCells(uint64_t first, uint64_t count, const CellsVisit& visit) const override;

  // So many more rows will come, of which `live` stay; a guess that saves time.
  void ExpectRows(uint64_t rows, uint64_t live);
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

  // Applies an insert, update or delete whose rows are as wide as relation(); `packed` is the same
  // with packed rows. The tuples of `change` are looked at where only a part of the rows is kept,
  // or a transaction is left out. kCorrupt when the archive cannot be right: a row to change is not
  // there, a key is there already. kUnsupported where a row comes from another part, which has
  // values of it; so do Become and ChangeValues.
  Result<void> Apply(const Change& change, const PackedChange& packed);
  Result<void> Apply(const Change& change);

  // The row that `change` is about to change or remove. False where it is an insert, or the row is
  // not there. `row` borrows from the table until its next call.
  Result<bool> FindRow(const Change& change, std::vector<Value>* row) const;
  // As ForEachRow for all rows, also before Finish. `visit` must not change the table.
  Result<void> ForEachRowNow(const std::function<Result<void>(Tuple row)>& visit) const {
    return ForEachRow(0, UINT64_MAX, visit);
  }
  // How often the table was described anew, and how often that, or a changed type, gave the table
  // or a column another name, or rows other columns or values.
  uint64_t descriptions() const { return descriptions_; }
  uint64_t reshapes() const { return reshapes_; }
  // For a rebuild without some of the transactions: what the others then meet goes there, and is no
  // error. Not owned.
  void set_conflicts(RowConflicts* conflicts) { conflicts_ = conflicts; }
  // Leaves a change out of the rows, and keeps it in mind for changes that build on it.
  Result<void> Skip(const Change& change);
  void SkipTruncate();

  // Other parts may have some.
  bool has_rows() const override { return rows_->row_count() > 0 || !part_.is_whole(); }
  Result<void> Become(Relation relation, const ColumnMapping& mapping) override;
  Result<bool> ChangeValues(size_t column, const RenamedLabelMap* renamed,
                            const std::function<bool(Value* value)>& change) override;
  void Truncate() override;
  void set_incomplete(bool incomplete) override { incomplete_ = incomplete; }
  bool incomplete() const override { return incomplete_; }
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
  PackedChange Packed(const Change& change) const;
  Result<void> ApplyWhole(const PackedChange& change);
  // An update that leads a row from one part to another is a delete in the one, an insert in the
  // other.
  Result<void> ApplyInPart(const Change& change);
  // Whether each row stays in its part: parts go by the values of the identity, in its order.
  bool KeepsParts(const RowIdentity& before, const ColumnMapping& mapping) const;
  // What was a row of `width` columns becomes what `change` says.
  Result<void> Rewrite(size_t width, const std::function<Tuple(Tuple row)>& change);
  Result<void> TakeRows(const RowStore& rows, size_t width,
                        const std::function<Tuple(Tuple row)>& change);
  Result<PackedRow> Complete(const char* row, const char* old_row);
  // Inserts a row, or replaces the one with its key where that may be.
  Result<void> Put(const PackedRow& row, uint64_t hash);
  Result<void> TakeKey(const PackedRow& row, uint64_t hash);
  Result<void> MissingRow(const char* identity, const char* what);
  Result<void> Insert(const PackedChange& change);
  Result<void> Update(const PackedChange& change);
  Result<void> Delete(const PackedChange& change);

  std::string IdentityOf(Tuple row) const;
  Result<std::optional<std::string>> CopyOf(const std::string& identity) const;
  Result<void> PutReal(Tuple row);
  Result<void> ApplyBesideReal(const Change& change);
  Result<void> UpdateBesideReal(const Change& change, const std::string& real);
  void ChangeRealRows(size_t width_before,
                      const std::function<void(std::vector<Value>* row)>& change);

  Relation relation_;
  const RowsPart part_;
  const std::shared_ptr<StateMemory> memory_;
  RowIdentity identity_;
  std::unique_ptr<RowStore> rows_;
  MemoryRows* in_memory_ = nullptr;  // rows_, where they are
  bool incomplete_ = false;
  std::optional<Error> doubt_;
  Lsn doubtful_from_;
  uint64_t descriptions_ = 0;
  uint64_t reshapes_ = 0;
  RowConflicts* conflicts_ = nullptr;  // null: a conflict is an error
  // Packed rows, by packed identity, as they really were where that is not what the table holds.
  std::unordered_map<std::string, std::string> real_rows_;
  std::vector<Value> arriving_;     // scratch
  std::string packed_;              // scratch of Complete and TakeRows
  mutable std::string packed_old_;  // scratch of Packed
  mutable std::string packed_new_;  // likewise
  mutable RowReader found_;         // of FindRow
};

}  // namespace trunkline
