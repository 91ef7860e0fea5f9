#include "replay/undo_collector.h"

#include <algorithm>
#include <utility>

#include "archive/stream_definition.h"
#include "replay/keyed_relation.h"

namespace trunkline {
namespace {

constexpr std::string_view kReshapedHint =
    "take back what came after that LSN, then change the definition back, then take back what came "
    "before it; --table takes back the changes of one table alone";
constexpr char kWasDefinedOtherwise[] = "or a type of its columns was defined otherwise";
constexpr char kWasDropped[] = "was dropped or left the publication";

Error DefinedOtherwise(const Relation& relation, const std::string& what) {
  return Error{ErrorKind::kUnsupported,
               "the table " + NameOf(relation) + " " + what +
                   " after changes that are to be taken back, which no command on rows does",
               std::string(kReshapedHint)};
}

// Without what says nothing of the table itself.
TableDefinition WithoutSince(TableDefinition table) {
  for (ColumnDefinition& column : table.columns) column.since = 0;
  return table;
}

}  // namespace

Result<void> UndoCollector::OnDefinition(const Fold& fold, Lsn lsn) {
  const auto named = [this](const Relation& relation) { return filter_.NamesTable(relation); };
  knows_table_ |= fold.HasTable(named);
  if (begun_) WarnOfChangedTables(fold.definition(), lsn);
  begun_ = true;
  definition_ = fold.definition();
  sql_.Learn(definition_);
  for (auto& [oid, touched] : touched_) touched.descriptions = UINT64_MAX;  // look again
  return CheckIsAsItWas(fold);
}

void UndoCollector::WarnOfChangedTables(const Definition& definition, Lsn lsn) {
  const auto warn = [&](const TableDefinition& table, const char* what) {
    Relation relation;
    std::tie(relation.schema, relation.name) = table.name;
    if (!table.published || !filter_.NamesTable(relation)) return;
    warnings_.push_back("the table " + NameOf(relation) + " " + what + " at LSN " + lsn.ToString() +
                        ": the commands take back changes of rows alone");
  };
  for (const TableDefinition& table : definition.tables) {
    const TableDefinition* before = definition_.FindTable(table.oid);
    if (before == nullptr) {
      warn(table, "was made, or joined the publication,");
    } else if (!(WithoutSince(*before) == WithoutSince(table))) {
      warn(table, "was defined otherwise");
    }
  }
  for (const TableDefinition& table : definition_.tables) {
    if (definition.FindTable(table.oid) == nullptr) {
      warn(table, "was dropped, or left the publication,");
    }
  }
}

Result<void> UndoCollector::CheckIsAsItWas(const Fold& fold) const {
  for (const auto& [oid, touched] : touched_) {
    const FoldedTable* table = fold.FindTable(oid);
    if (table == nullptr) {
      return Fail(DefinedOtherwise(touched.relation, kWasDropped));
    }
    if (table->doubt()) return Fail(*table->doubt());
    if (table->reshapes() != touched.reshapes) {
      return Fail(DefinedOtherwise(touched.relation, kWasDefinedOtherwise));
    }
  }
  return {};
}

Result<UndoCollector::Touched*> UndoCollector::Touch(const FoldedTable& table) {
  if (table.doubt()) return Fail(*table.doubt());
  const auto [entry, first] = touched_.try_emplace(table.relation().oid);
  Touched& touched = entry->second;
  if (first) touched.reshapes = table.reshapes();
  if (!first && touched.descriptions == table.descriptions()) return &touched;
  if (touched.reshapes != table.reshapes()) {
    return Fail(DefinedOtherwise(touched.relation, kWasDefinedOtherwise));
  }
  touched.descriptions = table.descriptions();
  touched.relation = WithPrimaryKey(table.relation(), definition_.FindTable(table.relation().oid));
  touched.how = HasKey(touched.relation) ? FindRow::kByKey : FindRow::kByAllOfIt;
  return &touched;
}

Result<void> UndoCollector::OnRowChange(const TransactionInfo& transaction, const Change& change,
                                        const FoldedTable& table) {
  ASSIGN_OR_RETURN(const bool matches, filter_.Matches(change));
  if (!matches) return {};
  knows_table_ = true;
  ASSIGN_OR_RETURN(const Touched* touched, Touch(table));
  // Of a row that is not there the fold says so next.
  ASSIGN_OR_RETURN(const bool found, table.FindRow(change, &before_));
  if (change.operation != Operation::kInsert && !found) return {};
  command_.clear();
  TRY(AppendInverse(*touched, change));
  return Store(transaction);
}

Result<void> UndoCollector::AppendInverse(const Touched& touched, const Change& change) {
  switch (change.operation) {
    case Operation::kInsert:
      return sql_.AppendDelete(touched.relation, touched.how, change.new_tuple, &command_);
    case Operation::kDelete:
      return sql_.AppendInsert(touched.relation, before_, &command_);
    default:
      return TakeBackUpdate(touched, change);
  }
}

// The new row with what it leaves unchanged taken from the old one.
Tuple UndoCollector::RowAfter(const Change& change) {
  after_.assign(change.new_tuple.begin(), change.new_tuple.end());
  for (size_t i = 0; i < after_.size(); ++i) {
    if (after_[i].state == ValueState::kUnchangedToast) after_[i] = before_[i];
  }
  return after_;
}

Result<void> UndoCollector::TakeBackUpdate(const Touched& touched, const Change& change) {
  const Tuple after = RowAfter(change);
  restore_ = before_;
  for (size_t i = 0; i < restore_.size(); ++i) {
    if (restore_[i] == after[i]) restore_[i] = {.state = ValueState::kUnchangedToast, .bytes = {}};
  }
  return sql_.AppendUpdate(touched.relation, touched.how, after, restore_, &command_);
}

Result<void> UndoCollector::OnTruncate(const TransactionInfo& transaction,
                                       const FoldedTable& table) {
  if (!filter_.NamesTable(table.relation())) return {};
  knows_table_ = true;
  if (table.doubt()) return Fail(*table.doubt());
  if (table.row_count() == 0) return {};
  ASSIGN_OR_RETURN(const Touched* touched, Touch(table));
  return table.ForEachRowNow([&](Tuple row) -> Result<void> {
    Change removed;
    removed.relation = &table.relation();
    removed.new_tuple = row;
    ASSIGN_OR_RETURN(const bool matches, filter_.Matches(removed));
    if (!matches) return {};
    command_.clear();
    TRY(sql_.AppendInsert(touched->relation, row, &command_));
    return Store(transaction);
  });
}

// Keeps the command at hand, which is empty where there is nothing to take back.
Result<void> UndoCollector::Store(const TransactionInfo& transaction) {
  if (command_.empty()) return {};
  if (!open_ || open_->commit_lsn != transaction.commit_lsn) {
    TRY(Close());
    std::string end;
    AppendSqlCommit(transaction, &end);
    TRY(out_->Append(end));
    open_ = transaction;
  }
  return out_->Append(command_);
}

Result<void> UndoCollector::Close() {
  if (!open_) return {};
  std::string begin;
  AppendSqlBegin(*open_, &begin);
  open_.reset();
  return out_->Append(begin);
}

Result<void> UndoCollector::OnEnd(const Fold& fold, Lsn lsn) {
  const auto named = [this](const Relation& relation) { return filter_.NamesTable(relation); };
  knows_table_ |= fold.HasTable(named);
  Result<void> checked = CheckIsAsItWas(fold);
  if (!checked) return Fail(std::move(checked).error().WithContext("LSN " + lsn.ToString()));
  return Close();
}

}  // namespace trunkline
