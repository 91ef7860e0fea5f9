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
#include "replay/table_state.h"

namespace trunkline {

class Fold final : public SchemaFold, private RowConflicts {
 public:
  using SchemaFold::SchemaFold;

  // Only rows of this part are kept. kUnsupported, from Add, where that takes rows of other parts.
  void set_part(const RowsPart& part) { part_ = part; }

  // Leaves out the transactions whose commit records begin there; `observer`, not owned, is told
  // what comes of it. What they define counts all the same.
  void set_skip(std::unordered_set<uint64_t> commit_lsns, SkipObserver* observer);

  // Takes the changes of those of the block's transactions that have from <= commit_lsn < limit.
  // Blocks come in order. Errors name the table and the LSN.
  Result<void> Add(const ReadAhead::Item& item, Lsn from, Lsn limit);

  struct Outcome {
    Definition definition;
    std::vector<std::unique_ptr<FoldedTable>> tables;  // by schema and name; may be in doubt
    std::vector<std::string> warnings;
  };
  // Ends the fold. A table that the newest definition lacks, and that no change touched since, was
  // dropped or left the publication at some unknown instant: `keep` says which of these to keep all
  // the same.
  Result<Outcome> Finish(const std::function<bool(const Relation& relation)>& keep);

 protected:
  std::unique_ptr<TableRows> NewRows(const Relation& relation) override;

 private:
  struct Prepared {
    const Change* change = nullptr;
    FoldedTable* table = nullptr;
    uint64_t hash = 0;
  };

  Result<size_t> Prepare(std::span<const Change> changes);
  Result<void> ApplyPrepared();
  Result<void> AddChanges(std::span<const Change> changes);
  Result<void> AddAllButSkipped(const DecodedBlock& block, Lsn from, Lsn limit);
  Result<void> Skip(const Change& change);
  void OnRowConflict(ConflictKind kind, const Relation& relation, Tuple row) override;
  Result<void> RenameRemainingLabels();
  void LeaveUnknownTablesOut();
  void FinishTable(uint32_t oid, Entry* entry, bool keep, Outcome* outcome);
  std::unordered_set<uint32_t> SupersededTables() const;
  Error Located(Error error) const;

  RowsPart part_;
  std::unordered_set<uint64_t> skip_;  // by commit LSN
  SkipObserver* observer_ = nullptr;   // while there are any
  std::vector<Prepared> window_;       // changes whose rows are being fetched into the cache
};

}  // namespace trunkline
