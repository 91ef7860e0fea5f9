// Fold: plays snapshots and the changes after them into tables.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "archive/definition.h"
#include "archive/schema_fold.h"
#include "base/error.h"
#include "replay/read_ahead.h"
#include "replay/skip_observer.h"
#include "replay/state_memory.h"
#include "replay/superseded_rows.h"
#include "replay/table_state.h"

namespace trunkline {

class Fold;

// Sees what changes rows before it is folded. What it is shown is valid during the call; an error
// of its own ends the fold.
class FoldObserver {
 public:
  virtual ~FoldObserver() = default;
  // Before the first change, and after each definition of tables in the changes.
  virtual Result<void> OnDefinition(const Fold& fold, Lsn lsn) = 0;
  // An insert, update or delete of a row of `table`.
  virtual Result<void> OnRowChange(const TransactionInfo& transaction, const Change& change,
                                   const FoldedTable& table) = 0;
  // One of the tables that a TRUNCATE is about to empty.
  virtual Result<void> OnTruncate(const TransactionInfo& transaction, const FoldedTable& table) = 0;
  // After the last change.
  virtual Result<void> OnEnd(const Fold& fold, Lsn lsn) = 0;
};

class Fold final : public SchemaFold, private RowConflicts {
 public:
  using SchemaFold::SchemaFold;

  // Shows `observer` the changes of transactions with commit_lsn >= from.
  void set_observer(FoldObserver* observer, Lsn from);
  // No more changes come.
  Result<void> EndObservation(Lsn lsn);

  const Definition& definition() const { return definition_; }
  // Null where there is none, or where the newest definition lacks it and no change touched it
  // since.
  const FoldedTable* FindTable(uint32_t oid) const;
  bool HasTable(const std::function<bool(const Relation& relation)>& is_it) const;

  // Only rows of this part are kept. kUnsupported, from Add, where that takes rows of other parts.
  void set_part(const RowsPart& part) { part_ = part; }

  // How much memory rows may take; without it, there is no end of that.
  void set_memory(const MemoryOptions& options) {
    memory_ = std::make_shared<StateMemory>(options);
  }
  // Leaves out the transactions whose commit records begin there; `observer`, not owned, is told
  // what comes of it. What they define counts all the same.
  void set_skip(std::unordered_set<uint64_t> commit_lsns, SkipObserver* observer);

  // Takes the changes of those of the block's transactions that have from <= commit_lsn < limit.
  // Blocks come in order, and prepared by PrepareItem. Errors name the table and the LSN.
  Result<void> Add(const ReadAhead::Item& item, Lsn from, Lsn limit);

  // Whether the tuples of changes are looked at; else blocks may come as cells alone.
  bool needs_tuples() const;
  // Any thread, where asking whether a table is wanted allows it.
  void PrepareItem(ReadAhead::Item* item) const;

  struct Outcome {
    Definition definition;
    std::vector<std::unique_ptr<FoldedTable>> tables;  // by schema and name; may be in doubt
    std::vector<std::string> warnings;
    uint64_t memory_bytes = 0;  // that the rows take, what keeps them on disk included
  };
  // Ends the fold. A table that the newest definition lacks, and that no change touched since, was
  // dropped or left the publication at some unknown instant: `keep` says which of these to keep all
  // the same.
  Result<Outcome> Finish(const std::function<bool(const Relation& relation)>& keep);

 protected:
  std::unique_ptr<TableRows> NewRows(const Relation& relation) override;

 private:
  // A change whose row is being fetched into the cache.
  struct Fetched {
    const Change* change = nullptr;
    FoldedTable* table = nullptr;
    PackedChange packed;
  };

  static FoldedTable& TableOf(Entry* entry);
  void ExpectRows(const SegmentReader& reader, Lsn limit);
  void FindSuperseded(const ReadAhead::Item& item);
  bool IsSuperseded(const Change& change, size_t index) const;
  Result<size_t> Fetch(std::span<const Change> changes);
  Result<void> ApplyFetched();
  Result<void> MakeRoom();
  Result<void> SpillTables(uint64_t row_bytes);
  Result<void> AddChanges(std::span<const Change> changes);
  Result<void> ApplyAndShow(const Change& change);
  Result<void> ShowTruncate(const Change& change);
  Result<void> AddObserved(const DecodedBlock& block, Lsn from, Lsn limit);
  Result<void> AddAllButSkipped(const DecodedBlock& block, Lsn from, Lsn limit);
  Result<void> Skip(const Change& change);
  void OnRowConflict(ConflictKind kind, const Relation& relation, Tuple row) override;
  Result<void> RenameRemainingLabels();
  void LeaveUnknownTablesOut();
  Result<void> FinishTable(uint32_t oid, Entry* entry, bool keep, Outcome* outcome);
  std::unordered_set<uint32_t> SupersededTables() const;
  Error Located(Error error) const;

  RowsPart part_;
  std::shared_ptr<StateMemory> memory_;
  const ReadAhead::Item* item_ = nullptr;  // being added
  SupersededRows superseded_;              // of its segment
  // By relation: the change of the block from which on its rows count. Empty: all do.
  std::vector<size_t> counts_from_;
  std::vector<Fetched> window_;
  FoldObserver* observer_ = nullptr;
  Lsn observed_from_;
  bool observation_begun_ = false;
  const TransactionInfo* shown_ = nullptr;  // whose changes the observer is to see
  std::unordered_set<uint64_t> skip_;       // by commit LSN
  SkipObserver* skip_observer_ = nullptr;   // while there are any
};

}  // namespace trunkline
