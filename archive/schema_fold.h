// SchemaFold: follows, from snapshots and changes in their order, how tables are defined, and what
// each change of that does to the rows from before it.
//
// The one place that decides when a table comes into doubt: when its rows cannot be told any more,
// because they joined the publication together with it, or were rewritten in a way that the stream
// does not show. The rebuild refuses such a table, and the daemon takes a snapshot of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "archive/changed_types.h"
#include "archive/definition.h"
#include "archive/definition_overlap.h"
#include "archive/segment_reader.h"
#include "archive/stream_definition.h"
#include "archive/table_rows.h"
#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

// The changes of a block's transactions with from <= commit_lsn < limit.
std::span<const Change> ChangesWithin(const DecodedBlock& block, Lsn from, Lsn limit);

class SchemaFold {
 public:
  using Wanted = std::function<bool(uint32_t relation_oid)>;

  // Tables for which `wanted` is false are passed over; all are wanted where it is null.
  explicit SchemaFold(Wanted wanted) : wanted_(std::move(wanted)) {}
  virtual ~SchemaFold() = default;
  SchemaFold(const SchemaFold&) = delete;
  SchemaFold& operator=(const SchemaFold&) = delete;

  // Starts anew from the tables of a snapshot at `lsn`, all empty, and their definition.
  void Start(Lsn lsn, std::span<const SnapshotPart> parts, Definition definition);
  // A snapshot of some tables at `lsn`, where the changes before it have been taken: what was known
  // of their rows is dropped, and so is doubt, but for a table that is incomplete. `definition` is
  // the source's at `lsn`.
  Result<void> Load(Lsn lsn, std::span<const SnapshotPart> parts, Definition definition);
  // The rows of the snapshot have been taken: the tables of these relation OIDs are incomplete from
  // here on, and no others.
  void EndLoad(const std::unordered_set<uint32_t>& incomplete);

  // A document of what is known between two blocks, all but the rows themselves; Restore goes on
  // from there, with the tables that are wanted. For programs of the same version. kUnsupported
  // where a name is not UTF-8.
  Result<std::string> Save() const;
  Result<void> Restore(std::string_view document);

 protected:
  struct Entry {
    std::unique_ptr<TableRows> rows;
    NumberedColumns numbers;           // of rows->relation()
    const Relation* active = nullptr;  // the reader's relation that the table now equals
    uint64_t definitions = 0;          // how many there had been when it was made to
    bool seen = false;                 // in a snapshot or in a change, not in a definition alone
    bool waiting = false;  // for the transaction that makes its columns the definition's
    Lsn doubtful_from;     // while rows->doubt()
  };

  virtual std::unique_ptr<TableRows> NewRows(const Relation& relation) = 0;
  // Rows as they were when the fold was saved.
  virtual std::unique_ptr<TableRows> RestoredRows(const Relation& relation, bool has_rows,
                                                  std::optional<Error> doubt);
  // A table's rows are in doubt from `lsn` on; are not any more, or the table is gone.
  virtual void OnDoubt(const Relation& relation, Lsn lsn, const Error& doubt);
  virtual void OnDoubtEnds(uint32_t oid, Lsn lsn);
  virtual void OnDefinition(Lsn lsn);

  bool Wants(uint32_t oid) const { return !wanted_ || wanted_(oid); }
  // The block whose changes come next; both outlive the block's last change. True where it is the
  // first of the reader's.
  bool Enter(const std::shared_ptr<const SegmentReader>& reader);
  void EnterBlock(const DecodedBlock& block);
  // No change is at hand any more; everything before `lsn` has been taken.
  void LeaveBlock(Lsn lsn);
  // The change being applied, for messages and for what depends on its transaction.
  void set_at(const Change* change) { at_ = change; }
  const Change* at() const { return at_; }
  const TransactionInfo& Transaction() const;
  // Of the transaction at hand, else how far changes have been taken.
  Lsn Position() const;

  // The table of a relation of the reader; null when it is not wanted.
  Entry* EntryOf(const Relation& relation);
  Entry* FindEntry(uint32_t oid);
  // Whether changes of `relation` can be applied to the table as it is.
  bool IsSettled(const Entry& entry, const Relation& relation) const;
  // Makes the table what `relation`, of the reader, says.
  Result<void> Activate(Entry* entry, const Relation& relation);
  // Truncates, definitions and messages.
  Result<void> ApplyOther(const Change& change);

  // Published tables that only a definition knows: rows that they may hold are not in the archive.
  // None where all tables are published, since one that is new to the publication is new then.
  std::vector<const TableDefinition*> UnknownTables() const;
  const TableDefinition* FindDefinition(uint32_t oid) const;
  Result<void> TakeChangedType(const ChangedType& changed);
  void PutInDoubt(Entry* entry, const Relation& relation, Error doubt);

  Lsn limit_{UINT64_MAX};                        // no change at or after it is taken
  Definition definition_;                        // in force
  std::unordered_map<uint32_t, Entry> entries_;  // by relation OID; addresses are stable
  // Tables that the newest definition lacks, as older ones told of them; and those of them that no
  // change touched since.
  Definition older_;
  std::unordered_set<uint32_t> missing_;
  std::vector<ChangedType> renamed_;  // enums whose labels were
  std::vector<std::string> warnings_;

 private:
  struct Binding {
    bool known = false;
    Entry* entry = nullptr;  // null: not wanted
  };
  enum class Renumbering { kNone, kNow, kNotYet, kUnclear };

  void AddTables(std::span<const SnapshotPart> parts);
  Entry& AddTable(const Relation& relation);
  void Forget(uint32_t oid);
  void ForgetBindings();
  Renumbering RenumberingOf(const Entry& entry, const Relation& relation) const;
  Result<void> Renumber(Entry* entry, const Relation& relation);
  Result<void> ChangeRelation(Entry* entry, const Relation& relation);
  Result<void> Truncate(const Change& change);
  Result<void> TakeDefinition(const Change& change);
  void TakeRewrite(const Rewrite& rewrite);
  void TakeQueriedTables();
  void Replace(Definition definition);
  bool IsOfThisArchive(const Definition& definition) const;
  Result<void> TakeExactTables();
  void TakeChangedFilters(const Definition& before);
  Result<void> TakeChangedTypes(const Definition& before);
  Result<void> ChangeValues(const ChangedType& changed, size_t column, Effect effect, Entry* entry);
  void TakeNewTables();

  Wanted wanted_;
  DefinitionOverlap overlap_;
  uint64_t definitions_ = 0;  // taken so far

  std::shared_ptr<const SegmentReader> reader_;
  std::vector<Binding> bound_;  // by index into the relations of reader_
  std::span<const TransactionSlice> slices_;
  std::span<const Change> changes_;
  const Change* at_ = nullptr;
  Lsn reached_;
};

}  // namespace trunkline
