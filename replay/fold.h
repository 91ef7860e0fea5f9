// Fold: plays a base snapshot and the changes after it into tables.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "replay/definition.h"
#include "replay/fold_overlap.h"
#include "replay/fold_types.h"
#include "replay/read_ahead.h"
#include "replay/table_state.h"

namespace trunkline {

class Fold {
 public:
  using Wanted = std::function<bool(uint32_t relation_oid)>;

  // Tables for which `wanted` is false are passed over; all are wanted where it is null.
  explicit Fold(Wanted wanted) : wanted_(std::move(wanted)) {}

  // Starts from the tables of a base snapshot, all empty, and their definition.
  void Start(std::span<const SnapshotPart> parts, Definition definition);
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

 private:
  struct Entry {
    std::unique_ptr<FoldedTable> table;
    const Relation* active = nullptr;  // the reader's relation that the table now equals
    uint64_t definitions = 0;          // how many there had been when it was made to
    bool seen = false;                 // in the snapshot or in a change, not in a definition alone
    bool waiting = false;  // for the transaction that makes its columns the definition's
  };
  struct Binding {
    bool known = false;
    Entry* entry = nullptr;  // null: not wanted
  };
  struct Prepared {
    const Change* change = nullptr;
    FoldedTable* table = nullptr;
    uint64_t hash = 0;
  };

  bool Wants(uint32_t oid) const { return !wanted_ || wanted_(oid); }
  void Enter(const std::shared_ptr<const SegmentReader>& reader);
  Entry* EntryOf(const Relation& relation);
  Entry& AddTable(const Relation& relation);
  enum class Renumbering { kNone, kNow, kNotYet, kUnclear };
  Renumbering RenumberingOf(const Entry& entry, const Relation& relation) const;
  Result<void> Renumber(Entry* entry, const Relation& relation);
  Result<void> Activate(Entry* entry, const Relation& relation);
  Result<void> ChangeRelation(Entry* entry, const Relation& relation);
  Result<size_t> Prepare(std::span<const Change> changes);
  Result<void> ApplyPrepared();
  Result<void> AddChanges(std::span<const Change> changes);
  Result<void> ApplyOther(const Change& change);
  Result<void> Truncate(const Change& change);
  Result<void> TakeDefinition(const Change& change);
  bool IsOfThisArchive(const Definition& definition) const;
  Result<void> TakeExactTables();
  Result<void> TakeChangedTypes(const Definition& before);
  Result<void> TakeChangedType(const ChangedType& changed);
  Result<void> RenameRemainingLabels();
  void LeaveUnknownTablesOut();
  Result<void> ChangeValues(const ChangedType& changed, size_t column, Effect effect,
                            FoldedTable* table);
  void TakeNewTables();
  const TableDefinition* FindDefinition(uint32_t oid) const;
  void FinishTable(uint32_t oid, Entry* entry, bool keep, Outcome* outcome);
  const TransactionInfo& Transaction() const;
  std::unordered_set<uint32_t> SupersededTables() const;
  Error Located(Error error) const;

  Wanted wanted_;
  Definition definition_;
  DefinitionOverlap overlap_;
  std::unordered_map<uint32_t, Entry> entries_;  // by relation OID; addresses are stable
  // Tables that the newest definition lacks, as older ones told of them; and those of them that no
  // change touched since.
  Definition older_;
  std::unordered_set<uint32_t> missing_;
  uint64_t definitions_ = 0;          // taken so far
  std::vector<ChangedType> renamed_;  // enums whose labels were
  std::vector<std::string> warnings_;

  // The block at hand, and the fold's end.
  Lsn limit_;
  std::shared_ptr<const SegmentReader> reader_;
  std::vector<Binding> bound_;  // by index into the relations of reader_
  std::span<const TransactionSlice> slices_;
  std::span<const Change> changes_;
  std::vector<Prepared> window_;  // changes whose rows are being fetched into the cache
  const Change* at_ = nullptr;    // the change being applied, for messages
};

}  // namespace trunkline
