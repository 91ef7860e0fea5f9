// SchemaFold, as far as relations and definitions change.
#include <algorithm>
#include <utility>

#include "archive/schema_fold.h"
#include "archive/stream_definition.h"

namespace trunkline {

const TableDefinition* SchemaFold::FindDefinition(uint32_t oid) const {
  const TableDefinition* table = definition_.FindTable(oid);
  return table != nullptr ? table : older_.FindTable(oid);
}

// The same description can stand for other columns, dropped and added again since. A definition
// that is ahead of the stream knows it before it happens: the transaction that it names tells when.
SchemaFold::Renumbering SchemaFold::RenumberingOf(const Entry& entry,
                                                  const Relation& relation) const {
  const TableDefinition* definition = FindDefinition(relation.oid);
  const NumberedColumns after = NumberColumns(relation, definition);
  const NumberedColumns& before = entry.numbers;
  if (!after.fits || !before.fits || after.attnums == before.attnums) return Renumbering::kNone;
  const uint32_t current = Transaction().xid.value;
  bool past = true;
  bool known = false;
  for (const ColumnDefinition& column : definition->columns) {
    const auto& numbers = before.attnums;
    const bool old = std::find(numbers.begin(), numbers.end(), column.attnum) != numbers.end();
    if (old || column.since == 0) continue;
    known |= column.since != current;
    if (static_cast<int32_t>(column.since - current) > 0) past = false;
  }
  if (!past) return Renumbering::kNotYet;
  return entry.waiting && known ? Renumbering::kUnclear : Renumbering::kNow;
}

Result<void> SchemaFold::Renumber(Entry* entry, const Relation& relation) {
  const Renumbering renumbering = RenumberingOf(*entry, relation);
  entry->waiting = renumbering == Renumbering::kNotYet;
  if (renumbering == Renumbering::kNone || renumbering == Renumbering::kNotYet) return {};
  if (renumbering == Renumbering::kUnclear && entry->rows->has_rows()) {
    PutInDoubt(entry, relation,
               Error{ErrorKind::kGap,
                     "rows of the table " + NameOf(relation) + " cannot be derived: before LSN " +
                         Transaction().commit_lsn.ToString() +
                         " a column was dropped and another one added in its place, and what the "
                         "archive holds does not tell when",
                     std::string(kLeaveOutHint)});
  }
  return ChangeRelation(entry, relation);
}

bool SchemaFold::IsSettled(const Entry& entry, const Relation& relation) const {
  if (!(entry.rows->relation() == relation) || entry.waiting) return false;
  if (entry.definitions == definitions_) return true;
  const NumberedColumns numbers = NumberColumns(relation, FindDefinition(relation.oid));
  return !numbers.fits || !entry.numbers.fits || numbers.attnums == entry.numbers.attnums;
}

Result<void> SchemaFold::Activate(Entry* entry, const Relation& relation) {
  missing_.erase(relation.oid);
  entry->seen = true;
  if (!(entry->rows->relation() == relation)) {
    TRY(ChangeRelation(entry, relation));
    entry->waiting = false;
  } else if (entry->definitions != definitions_) {
    TRY(Renumber(entry, relation));
  }
  if (entry->waiting) return {};  // the next change looks again
  entry->definitions = definitions_;
  entry->active = &relation;
  return {};
}

Result<void> SchemaFold::ChangeRelation(Entry* entry, const Relation& relation) {
  TableRows& rows = *entry->rows;
  const TableDefinition* definition = FindDefinition(relation.oid);
  NumberedColumns numbers = NumberColumns(relation, definition);
  const ColumnMapping mapping =
      MapColumns(rows.relation(), entry->numbers, relation, numbers, definition);
  if (rows.has_rows() && !mapping.doubt.empty()) {
    PutInDoubt(entry, relation,
               Error{ErrorKind::kGap,
                     "rows of the table " + NameOf(relation) +
                         " that are older than a change of its definition at LSN " +
                         Position().ToString() + " cannot be derived: its " + mapping.doubt,
                     std::string(kLeaveOutHint)});
  } else if (rows.has_rows() && !mapping.warning.empty()) {
    warnings_.push_back("table " + NameOf(relation) + ": " + mapping.warning);
  }
  entry->numbers = KeepKnownNumbers(std::move(numbers), mapping, entry->numbers);
  return rows.Become(relation, mapping);
}

// A source tells of all publications that are captured there.
bool SchemaFold::IsOfThisArchive(const Definition& definition) const {
  return definition.publication.empty() || definition_.publication.empty() ||
         definition.publication == definition_.publication;
}

// A definition that the daemon queried tells which tables there are as of its own LSN, where it has
// one: before that they may be there still, or not yet.
Result<void> SchemaFold::TakeDefinition(const Change& change) {
  const bool exact = IsExactDefinition(change);
  Result<Definition> parsed = ParseDefinition(change.content);
  if (exact && !parsed && parsed.error().kind == ErrorKind::kCorrupt) {
    warnings_.push_back("a message with the prefix of definitions at LSN " +
                        Transaction().commit_lsn.ToString() + " holds none: passed over");
    return {};
  }
  ASSIGN_OR_RETURN(Definition definition, std::move(parsed));
  if (exact && !IsOfThisArchive(definition)) return {};
  if (exact) {
    definition = overlap_.Merge(definition_, std::move(definition), Transaction().xid.value);
  }
  const Definition before = std::exchange(definition_, std::move(definition));
  Replace(before);
  if (exact || change.message_lsn <= limit_) {
    TakeChangedFilters(before);
    TRY(TakeChangedTypes(before));
    if (exact) TRY(TakeExactTables());
    if (!exact) TakeQueriedTables();
  }
  OnDefinition(Position());
  return {};
}

// Another definition is in force than `before`.
void SchemaFold::Replace(Definition before) {
  older_ = KeepMissingTables(std::move(before), older_);
  ++definitions_;
  for (auto& [oid, entry] : entries_) entry.active = nullptr;  // its next change looks again
  // What one definition lacked does not come back with the next, which may be ahead.
  std::erase_if(missing_, [this](uint32_t oid) { return definition_.FindTable(oid) != nullptr; });
}

void SchemaFold::TakeQueriedTables() {
  for (auto& [oid, entry] : entries_) {
    if (definition_.FindTable(oid) == nullptr) missing_.insert(oid);
  }
  TakeNewTables();
}

// Rows that another filter lets through need not have been in the stream before.
void SchemaFold::TakeChangedFilters(const Definition& before) {
  for (auto& [oid, entry] : entries_) {
    const TableDefinition* old_table = before.FindTable(oid);
    const TableDefinition* table = definition_.FindTable(oid);
    if (old_table == nullptr || table == nullptr || old_table->row_filter == table->row_filter) {
      continue;
    }
    const Relation relation = entry.rows->relation();
    PutInDoubt(
        &entry, relation,
        Error{ErrorKind::kGap,
              "rows of the table " + NameOf(relation) +
                  " that the publication's row filter let through after it was changed, at LSN " +
                  Position().ToString() + ", are not in the archive",
              std::string(kLeaveOutHint)});
  }
}

Result<void> SchemaFold::TakeChangedTypes(const Definition& before) {
  for (ChangedType& changed : ChangedTypes(before, definition_)) {
    TRY(TakeChangedType(changed));
    if (changed.renamed) renamed_.push_back(std::move(changed));
  }
  return {};
}

Result<void> SchemaFold::TakeChangedType(const ChangedType& changed) {
  for (auto& [oid, entry] : entries_) {
    const TableDefinition* definition = FindDefinition(oid);
    if (definition == nullptr) continue;
    const Relation relation = entry.rows->relation();
    for (size_t i = 0; i < relation.columns.size(); ++i) {
      const ColumnDefinition* column = definition->FindColumn(relation.columns[i].name);
      const Effect effect = EffectOn(changed, relation.columns[i].type_oid,
                                     column == nullptr ? std::string() : column->type, definition_);
      if (effect != Effect::kNone) TRY(ChangeValues(changed, i, effect, &entry));
    }
  }
  return {};
}

// Gives values of an enum their new labels. Where they hold one deeper inside, or the change is
// another, a value that it can touch makes the table doubtful.
Result<void> SchemaFold::ChangeValues(const ChangedType& changed, size_t column, Effect effect,
                                      Entry* entry) {
  const auto is_touched = [&](std::string_view bytes) {
    return !changed.renamed ||
           std::any_of(changed.renamed->begin(), changed.renamed->end(), [&](const auto& label) {
             return bytes.find(label.first) != std::string_view::npos;
           });
  };
  const bool relabelled = changed.renamed && effect == Effect::kItself;
  ASSIGN_OR_RETURN(const bool doubtful,
                   entry->rows->ChangeValues(
                       column, relabelled ? &*changed.renamed : nullptr, [&](Value* value) {
                         if (!relabelled) return is_touched(value->bytes);
                         const auto label = changed.renamed->find(std::string(value->bytes));
                         if (label != changed.renamed->end()) value->bytes = label->second;
                         return false;
                       }));
  if (!doubtful) return {};
  const Relation relation = entry->rows->relation();
  PutInDoubt(
      entry, relation,
      Error{ErrorKind::kGap,
            "rows of the table " + NameOf(relation) + " that are older than a change of the type " +
                changed.name + " cannot be derived",
            std::string(kLeaveOutHint)});
  return {};
}

// What an exact definition says of tables without a change of theirs: dropped, renamed, columns
// added.
Result<void> SchemaFold::TakeExactTables() {
  std::vector<uint32_t> gone;
  for (const auto& [oid, entry] : entries_) {
    const TableDefinition* table = definition_.FindTable(oid);
    if (table == nullptr || !table->published) gone.push_back(oid);
  }
  for (const uint32_t oid : gone) Forget(oid);
  for (auto& [oid, entry] : entries_) {
    entry.active = nullptr;
    const Relation relation = RelationOf(*definition_.FindTable(oid), entry.rows->relation());
    const bool same = relation == entry.rows->relation();
    if (!same || RenumberingOf(entry, relation) != Renumbering::kNone) {
      TRY(ChangeRelation(&entry, relation));
    }
  }
  ForgetBindings();
  TakeNewTables();
  return {};
}

// Where all tables of the database are published, one that is new to the publication is new.
void SchemaFold::TakeNewTables() {
  if (!definition_.all_tables) return;
  for (const TableDefinition& table : definition_.tables) {
    if (!table.published || !Wants(table.oid) || entries_.contains(table.oid)) continue;
    AddTable(RelationOf(table, Relation{}));
  }
}

}  // namespace trunkline
