#include "replay/fold.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "replay/fold_definition.h"

namespace trunkline {
namespace {

// How many changes to fetch ahead: enough to hide the latency of memory, few enough to stay cached.
constexpr size_t kWindow = 64;
constexpr std::string_view kLeaveOutHint =
    "rebuild the other tables with --tables, or choose a target before it or after the next base "
    "snapshot";

std::string NameOf(const Relation& relation) { return relation.schema + "." + relation.name; }

bool IsRowChange(const Change& change) {
  return change.operation == Operation::kInsert || change.operation == Operation::kUpdate ||
         change.operation == Operation::kDelete;
}

Error UnknownRows(const Relation& relation) {
  return Error{ErrorKind::kGap,
               "the table " + NameOf(relation) +
                   " joined the publication after the base snapshot, and rows that it held before "
                   "are not in the archive",
               std::string(kLeaveOutHint)};
}

}  // namespace

void Fold::Start(std::span<const SnapshotPart> parts, Definition definition) {
  definition_ = std::move(definition);
  for (const SnapshotPart& part : parts) {
    if (Wants(part.relation.oid) && !entries_.contains(part.relation.oid)) AddTable(part.relation);
  }
}

Fold::Entry& Fold::AddTable(const Relation& relation) {
  Entry& entry = entries_[relation.oid];
  entry.table = std::make_unique<FoldedTable>(relation);
  entry.table->numbers() = NumberColumns(relation, FindDefinition(relation.oid));
  return entry;
}

const TableDefinition* Fold::FindDefinition(uint32_t oid) const {
  const TableDefinition* table = definition_.FindTable(oid);
  return table != nullptr ? table : older_.FindTable(oid);
}

void Fold::Enter(const std::shared_ptr<const SegmentReader>& reader) {
  if (reader == reader_) return;
  reader_ = reader;
  bound_.assign(reader->relations().size(), Binding{});
  for (auto& [oid, entry] : entries_) entry.active = nullptr;
}

// The table of a relation of reader_; null when it is not wanted. One that no snapshot brought is
// new where all tables are published, and else in doubt from the start.
Fold::Entry* Fold::EntryOf(const Relation& relation) {
  Binding& binding = bound_[static_cast<size_t>(&relation - reader_->relations().data())];
  if (binding.known) return binding.entry;
  binding.known = true;
  if (!Wants(relation.oid)) return nullptr;
  const auto found = entries_.find(relation.oid);
  if (found != entries_.end()) return binding.entry = &found->second;
  binding.entry = &AddTable(relation);
  if (!definition_.all_tables) binding.entry->table->set_doubt(UnknownRows(relation));
  return binding.entry;
}

bool Fold::IsRenumbered(FoldedTable& table, const Relation& relation) const {
  const NumberedColumns numbers = NumberColumns(relation, FindDefinition(relation.oid));
  return numbers.fits && table.numbers().fits && numbers.attnums != table.numbers().attnums;
}

Result<void> Fold::Activate(Entry* entry, const Relation& relation) {
  // The same description can stand for other columns, dropped and added again in between.
  const bool renumbered =
      entry->definitions != definitions_ && IsRenumbered(*entry->table, relation);
  entry->definitions = definitions_;
  if (renumbered || !(entry->table->relation() == relation)) TRY(ChangeRelation(entry, relation));
  entry->active = &relation;
  missing_.erase(relation.oid);
  return {};
}

Result<void> Fold::ChangeRelation(Entry* entry, const Relation& relation) {
  FoldedTable& table = *entry->table;
  const TableDefinition* definition = FindDefinition(relation.oid);
  NumberedColumns numbers = NumberColumns(relation, definition);
  const ColumnMapping mapping =
      MapColumns(table.relation(), table.numbers(), relation, numbers, definition);
  if (table.row_count() > 0 && !mapping.doubt.empty()) {
    table.set_doubt(Error{ErrorKind::kGap,
                          "rows of the table " + NameOf(relation) +
                              " that are older than a change of its definition at LSN " +
                              CommitLsn().ToString() + " cannot be derived: its " + mapping.doubt,
                          std::string(kLeaveOutHint)});
  } else if (table.row_count() > 0 && !mapping.warning.empty()) {
    warnings_.push_back("table " + NameOf(relation) + ": " + mapping.warning);
  }
  table.numbers() = KeepKnownNumbers(std::move(numbers), mapping, table.numbers());
  return table.Become(relation, mapping);
}

// Takes the longest run of row changes at the front of `changes` that can be looked up together:
// none of them changes what a relation is. Yields its length, 0 for a change of another kind.
Result<size_t> Fold::Prepare(std::span<const Change> changes) {
  window_.clear();
  size_t count = 0;
  for (const Change& change : changes.first(std::min(changes.size(), kWindow))) {
    if (!IsRowChange(change)) break;
    at_ = &change;
    Entry* entry = EntryOf(*change.relation);
    if (entry != nullptr && entry->active != change.relation) {
      if (!window_.empty()) break;
      TRY(Activate(entry, *change.relation));
    }
    ++count;
    if (entry == nullptr) continue;
    const uint64_t hash = entry->table->LookupHash(change);
    entry->table->PrefetchIndex(hash);
    window_.push_back({.change = &change, .table = entry->table.get(), .hash = hash});
  }
  return count;
}

Result<void> Fold::ApplyPrepared() {
  for (const Prepared& prepared : window_) prepared.table->PrefetchSlot(prepared.hash);
  for (const Prepared& prepared : window_) prepared.table->PrefetchRow(prepared.hash);
  for (const Prepared& prepared : window_) {
    at_ = prepared.change;
    TRY(prepared.table->Apply(*prepared.change, prepared.hash));
  }
  return {};
}

Result<void> Fold::Truncate(const Change& change) {
  for (const Relation* relation : change.truncated) {
    Entry* entry = EntryOf(*relation);
    if (entry == nullptr) continue;
    entry->table->Truncate();
    TRY(Activate(entry, *relation));
  }
  return {};
}

Result<void> Fold::ApplyOther(const Change& change) {
  switch (change.operation) {
    case Operation::kTruncate:
      return Truncate(change);
    case Operation::kDefinition:
    case Operation::kMessage:
      if (IsDefinition(change)) return TakeDefinition(change);
      return {};
    case Operation::kRaw:
      return Fail(ErrorKind::kUnsupported,
                  "the archive holds a message of a type that this version does not know",
                  "a newer version of trunkline may rebuild it");
    case Operation::kInsert:
    case Operation::kUpdate:
    case Operation::kDelete:
      break;
  }
  return {};
}

// A definition that the daemon queried tells which tables there are as of its own LSN, where it has
// one: before that they may be there still, or not yet.
Result<void> Fold::TakeDefinition(const Change& change) {
  ASSIGN_OR_RETURN(Definition definition, ParseDefinition(change.content));
  const Definition before = std::exchange(definition_, std::move(definition));
  older_ = KeepMissingTables(before, older_);
  ++definitions_;
  for (auto& [oid, entry] : entries_) entry.active = nullptr;  // its next change looks again
  missing_.clear();
  const bool exact = IsExactDefinition(change);
  if (!exact && change.message_lsn > limit_) return {};
  TRY(TakeChangedTypes(before));
  if (exact) {
    TRY(TakeExactTables());
    TakeNewTables();
    return {};
  }
  for (auto& [oid, entry] : entries_) {
    if (definition_.FindTable(oid) != nullptr) continue;
    missing_.insert(oid);
  }
  TakeNewTables();
  return {};
}

Result<void> Fold::TakeChangedTypes(const Definition& before) {
  for (const ChangedType& changed : ChangedTypes(before, definition_)) {
    for (auto& [oid, entry] : entries_) {
      const TableDefinition* definition = FindDefinition(oid);
      if (definition == nullptr) continue;
      const Relation& relation = entry.table->relation();
      for (size_t i = 0; i < relation.columns.size(); ++i) {
        const ColumnDefinition* column = definition->FindColumn(relation.columns[i].name);
        const Effect effect =
            EffectOn(changed, relation.columns[i].type_oid,
                     column == nullptr ? std::string() : column->type, definition_);
        if (effect != Effect::kNone) {
          TRY(ChangeValues(changed, i, effect, entry.table.get()));
        }
      }
    }
  }
  return {};
}

// Gives values of an enum their new labels. Where they hold one deeper inside, or the change is
// another, a value that it can touch makes the table doubtful.
Result<void> Fold::ChangeValues(const ChangedType& changed, size_t column, Effect effect,
                                FoldedTable* table) {
  bool doubtful = false;
  const auto is_touched = [&](std::string_view bytes) {
    return !changed.renamed ||
           std::any_of(changed.renamed->begin(), changed.renamed->end(), [&](const auto& label) {
             return bytes.find(label.first) != std::string_view::npos;
           });
  };
  TRY(table->Transform([&](std::span<Value> row) {
    Value& value = row[column];
    if (value.state == ValueState::kNull) return;
    if (!changed.renamed || effect == Effect::kContains) {
      doubtful |= is_touched(value.bytes);
      return;
    }
    const auto label = changed.renamed->find(std::string(value.bytes));
    if (label != changed.renamed->end()) value.bytes = label->second;
  }));
  if (doubtful) {
    const Relation& relation = table->relation();
    table->set_doubt(Error{ErrorKind::kGap,
                           "rows of the table " + NameOf(relation) +
                               " that are older than a change of the type " + changed.name +
                               " cannot be derived: the change is known at LSN " +
                               CommitLsn().ToString() + " alone",
                           std::string(kLeaveOutHint)});
  }
  return {};
}

// What an exact definition says of tables without a change of theirs: dropped, renamed, columns
// added.
Result<void> Fold::TakeExactTables() {
  std::erase_if(entries_, [this](const auto& item) {
    const TableDefinition* table = definition_.FindTable(item.first);
    return table == nullptr || !table->published;
  });
  for (auto& [oid, entry] : entries_) {
    entry.active = nullptr;
    const Relation relation = RelationOf(*definition_.FindTable(oid), entry.table->relation());
    if (IsRenumbered(*entry.table, relation) || !(relation == entry.table->relation())) {
      TRY(ChangeRelation(&entry, relation));
    }
  }
  std::fill(bound_.begin(), bound_.end(), Binding{});
  return {};
}

// Where all tables of the database are published, one that is new to the publication is new.
void Fold::TakeNewTables() {
  if (!definition_.all_tables) return;
  for (const TableDefinition& table : definition_.tables) {
    if (!table.published || !Wants(table.oid) || entries_.contains(table.oid)) continue;
    AddTable(RelationOf(table, Relation{}));
  }
}

// The commit LSN of the transaction at hand.
Lsn Fold::CommitLsn() const {
  const auto index = static_cast<size_t>(at_ - changes_.data());
  for (const TransactionSlice& slice : slices_) {
    if (index < slice.first_change + slice.change_count) return slice.info.commit_lsn;
  }
  return {};
}

Error Fold::Located(Error error) const {
  const bool row_change = at_ != nullptr && at_->relation != nullptr;
  const std::string where = "LSN " + CommitLsn().ToString();
  return std::move(error).WithContext(
      row_change ? "table " + NameOf(*at_->relation) + " at " + where : where);
}

Result<void> Fold::AddChanges(std::span<const Change> changes) {
  while (!changes.empty()) {
    ASSIGN_OR_RETURN(size_t count, Prepare(changes));
    if (count > 0) {
      TRY(ApplyPrepared());
    } else {
      at_ = &changes.front();
      TRY(ApplyOther(changes.front()));
      count = 1;
    }
    changes = changes.subspan(count);
  }
  return {};
}

Result<void> Fold::Add(const ReadAhead::Item& item, Lsn from, Lsn limit) {
  Enter(item.reader);
  limit_ = limit;
  slices_ = item.block.slices();
  changes_ = item.block.changes();
  // Commit LSNs rise from slice to slice: what is in the range stands together.
  size_t first = changes_.size();
  size_t end = 0;
  for (const TransactionSlice& slice : slices_) {
    if (slice.info.commit_lsn < from || slice.info.commit_lsn >= limit) continue;
    first = std::min(first, slice.first_change);
    end = std::max(end, slice.first_change + slice.change_count);
  }
  if (first >= end) return {};
  Result<void> added = AddChanges(changes_.subspan(first, end - first));
  if (!added) return Fail(Located(std::move(added).error()));
  return {};
}

void Fold::FinishTable(uint32_t oid, Entry* entry, bool keep_missing, Outcome* outcome) {
  const Relation& relation = entry->table->relation();
  // A partitioned parent holds no rows itself, unless it is published in its partitions' stead; it
  // shows up where it is truncated.
  const TableDefinition* table = FindDefinition(oid);
  if (table != nullptr && table->kind == 'p' && !table->published) return;
  if (missing_.contains(oid) && !keep_missing) {
    warnings_.push_back("table " + NameOf(relation) +
                        " is left out: the source had dropped or unpublished it when the newest "
                        "definition was made; --tables with its name keeps it");
    return;
  }
  if (table != nullptr && definition_.FindTable(oid) == nullptr)
    AddDefinition(*table, older_, &definition_);
  entry->table->Finish();
  outcome->tables.push_back(std::move(entry->table));
}

Fold::Outcome Fold::Finish(const std::function<bool(const Relation& relation)>& keep) {
  Outcome outcome;
  std::set<std::string> names;
  for (const auto& [oid, entry] : entries_) {
    if (!missing_.contains(oid)) names.insert(NameOf(entry.table->relation()));
  }
  for (auto& [oid, entry] : entries_) {
    const Relation& relation = entry.table->relation();
    FinishTable(oid, &entry, keep(relation) && !names.contains(NameOf(relation)), &outcome);
  }
  std::sort(outcome.tables.begin(), outcome.tables.end(), [](const auto& a, const auto& b) {
    return std::tie(a->relation().schema, a->relation().name) <
           std::tie(b->relation().schema, b->relation().name);
  });
  for (const TableDefinition& table : definition_.tables) {
    if (!table.published || !Wants(table.oid) || entries_.contains(table.oid)) continue;
    warnings_.push_back("table " + table.name.first + "." + table.name.second +
                        " is left out: it joined the publication after the base snapshot, and no "
                        "row of it is in the archive");
  }
  outcome.definition = std::move(definition_);
  outcome.warnings = std::move(warnings_);
  return outcome;
}

}  // namespace trunkline
