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
#include "replay/state_memory.h"
#include "replay/table_state.h"

namespace trunkline {

class Fold final : public SchemaFold {
 public:
  using SchemaFold::SchemaFold;

  // Only rows of this part are kept. kUnsupported, from Add, where that takes rows of other parts.
  void set_part(const RowsPart& part) { part_ = part; }

  // How much memory rows may take; without it, there is no end of that.
  void set_memory(const MemoryOptions& options) {
    memory_ = std::make_shared<StateMemory>(options);
  }

  // Takes the changes of those of the block's transactions that have from <= commit_lsn < limit.
  // Blocks come in order, and prepared by PrepareItem. Errors name the table and the LSN.
  Result<void> Add(const ReadAhead::Item& item, Lsn from, Lsn limit);

  // Any thread, where asking whether a table is wanted allows it.
  void PrepareItem(ReadAhead::Item* item) const;

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
  // A change whose row is being fetched into the cache.
  struct Fetched {
    const Change* change = nullptr;
    FoldedTable* table = nullptr;
    uint64_t hash = 0;
    PackedRow row;
  };

  static FoldedTable& TableOf(Entry* entry);
  Result<size_t> Fetch(std::span<const Change> changes);
  Result<void> ApplyFetched();
  Result<void> MakeRoom();
  Result<void> SpillTables(uint64_t row_bytes);
  Result<void> AddChanges(std::span<const Change> changes);
  Result<void> RenameRemainingLabels();
  void LeaveUnknownTablesOut();
  Result<void> FinishTable(uint32_t oid, Entry* entry, bool keep, Outcome* outcome);
  std::unordered_set<uint32_t> SupersededTables() const;
  Error Located(Error error) const;

  RowsPart part_;
  std::shared_ptr<StateMemory> memory_;
  const ReadAhead::Item* item_ = nullptr;  // being added
  std::vector<Fetched> window_;
};

}  // namespace trunkline
