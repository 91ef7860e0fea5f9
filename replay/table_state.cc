#include "replay/table_state.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "replay/fold_row.h"

namespace trunkline {
namespace {

bool IsStored(const Value& value) {
  return value.state == ValueState::kNull || value.state == ValueState::kText;
}

bool SameTableAndColumnNames(const Relation& before, const Relation& after) {
  return before.schema == after.schema && before.name == after.name &&
         std::equal(before.columns.begin(), before.columns.end(), after.columns.begin(),
                    after.columns.end(),
                    [](const auto& left, const auto& right) { return left.name == right.name; });
}

// A row as `mapping` says.
std::vector<Value> Mapped(Tuple before, const ColumnMapping& mapping) {
  std::vector<Value> after(mapping.sources.size());
  for (size_t i = 0; i < after.size(); ++i) {
    const ColumnMapping::Source& source = mapping.sources[i];
    if (source.old_column != ColumnMapping::kAdded) {
      after[i] = before[static_cast<size_t>(source.old_column)];
    } else if (source.constant) {
      after[i] = {.state = ValueState::kText, .bytes = *source.constant};
    }
  }
  return after;
}

}  // namespace

FoldedTable::FoldedTable(Relation relation, const RowsPart& part,
                         std::shared_ptr<StateMemory> memory)
    : relation_(std::move(relation)),
      part_(part),
      memory_(std::move(memory)),
      identity_(relation_) {
  UseMemory();
}

std::unique_ptr<RowStore> FoldedTable::UseMemory() {
  auto rows = std::make_unique<MemoryRows>(identity_);
  in_memory_ = rows.get();
  return std::exchange(rows_, std::move(rows));
}

Result<std::unique_ptr<RowStore>> FoldedTable::UseDisk() {
  ASSIGN_OR_RETURN(std::unique_ptr<RowStore> rows, memory_->NewSpilledRows(identity_));
  in_memory_ = nullptr;
  return std::exchange(rows_, std::move(rows));
}

Result<void> FoldedTable::Spill() {
  ASSIGN_OR_RETURN(const std::unique_ptr<RowStore> before, UseDisk());
  return TakeRows(*before, [](Tuple row) { return row; });
}

bool FoldedTable::SameIdentity(const char* packed, Tuple other) const {
  size_t column = 0;
  for (const uint16_t wanted : identity_.columns) {
    for (; column < wanted; ++column) UnpackValue(&packed);
    if (!(UnpackValue(&packed) == other[wanted])) return false;
    ++column;
  }
  return true;
}

// `row` with its unchanged TOAST values taken from `old_row`; null: there must be none.
Result<Tuple> FoldedTable::Complete(Tuple row, const char* old_row) {
  bool complete = true;
  for (const Value& value : row) complete &= IsStored(value);
  if (complete) return row;
  old_values_.resize(row.size());
  if (old_row != nullptr) UnpackRow(old_row, old_values_);
  new_values_.assign(row.begin(), row.end());
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i].state == ValueState::kBinary) {
      return Fail(ErrorKind::kUnsupported,
                  "column \"" + relation_.columns[i].name + "\" has values in binary format");
    }
    if (row[i].state != ValueState::kUnchangedToast) continue;
    if (old_row == nullptr) {
      return Fail(ErrorKind::kCorrupt, "column \"" + relation_.columns[i].name +
                                           "\" of a new row is said to be unchanged");
    }
    new_values_[i] = old_values_[i];
  }
  return Tuple(new_values_);
}

// Valid until the next call.
PackedRow FoldedTable::Pack(Tuple complete) {
  packed_.resize(PackedSize(complete));
  PackRow(complete, packed_.data());
  return {packed_};
}

Result<void> FoldedTable::Insert(const Change& change, uint64_t hash, const PackedRow& packed) {
  PackedRow row = packed;
  if (!row.is_there()) {
    ASSIGN_OR_RETURN(const Tuple complete, Complete(change.new_tuple, nullptr));
    row = Pack(complete);
  }
  return Put(row, hash);
}

Result<void> FoldedTable::Put(const PackedRow& row, uint64_t hash) {
  ASSIGN_OR_RETURN(const bool inserted, rows_->Insert(row, hash));
  if (inserted) return {};
  if (incomplete_) {
    std::vector<Value> values(identity_.width);
    UnpackRow(row.bytes.data(), values);
    ASSIGN_OR_RETURN(const char* const found, rows_->Find(values, hash));
    CHECK(found != nullptr);
    return rows_->Replace(row);
  }
  TRY(TakeKey(row, hash));
  ASSIGN_OR_RETURN(const bool taken, rows_->Insert(row, hash));
  CHECK(taken);
  return {};
}

// Another row has the key of `row`: where that is no error, it goes.
Result<void> FoldedTable::TakeKey(const PackedRow& row, uint64_t hash) {
  if (conflicts_ == nullptr) {
    return Fail(ErrorKind::kCorrupt, "a row with the same key is there already");
  }
  std::vector<Value> values(identity_.width);
  UnpackRow(row.bytes.data(), values);
  conflicts_->OnRowConflict(ConflictKind::kTakenKey, relation_, values);
  ASSIGN_OR_RETURN(const char* const other, rows_->Find(values, hash));
  CHECK(other != nullptr);
  return rows_->Erase();
}

Result<void> FoldedTable::MissingRow(Tuple identity, const char* what) {
  if (incomplete_) return {};
  if (conflicts_ == nullptr) return Fail(ErrorKind::kCorrupt, what);
  conflicts_->OnRowConflict(ConflictKind::kMissingRow, relation_, identity);
  return {};
}

Result<void> FoldedTable::Update(const Change& change, uint64_t hash, const PackedRow& packed) {
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  const Tuple identity = has_old ? change.old_tuple : change.new_tuple;
  ASSIGN_OR_RETURN(const char* const old_row, rows_->Find(identity, hash));
  if (old_row == nullptr) return MissingRow(identity, "an update of a row that is not there");
  Tuple complete = change.new_tuple;
  if (!packed.is_there()) {
    ASSIGN_OR_RETURN(complete, Complete(change.new_tuple, old_row));
  }
  const PackedRow row = packed.is_there() ? packed : Pack(complete);
  if (!has_old || SameIdentity(old_row, complete)) return rows_->Replace(row);
  const uint64_t new_hash = identity_.Hash(complete);
  ASSIGN_OR_RETURN(const bool replaced, rows_->ReplaceIdentity(row, new_hash));
  if (replaced) return {};
  TRY(TakeKey(row, new_hash));
  ASSIGN_OR_RETURN(const char* const again, rows_->Find(identity, hash));
  CHECK(again != nullptr);
  ASSIGN_OR_RETURN(const bool taken, rows_->ReplaceIdentity(row, new_hash));
  CHECK(taken);
  return {};
}

Result<void> FoldedTable::Delete(Tuple old_row, uint64_t hash) {
  ASSIGN_OR_RETURN(const char* const found, rows_->Find(old_row, hash));
  if (found == nullptr) return MissingRow(old_row, "a delete of a row that is not there");
  return rows_->Erase();
}

uint64_t FoldedTable::LookupHash(const Change& change) const {
  return identity_.Hash(change.old_kind == OldTupleKind::kNone ? change.new_tuple
                                                               : change.old_tuple);
}

Result<void> FoldedTable::Apply(const Change& change) {
  return Apply(change, LookupHash(change), {});
}

Result<void> FoldedTable::Apply(const Change& change, uint64_t hash, const PackedRow& packed) {
  if (doubt_) return {};
  if (!real_rows_.empty()) return ApplyBesideReal(change, hash);
  return part_.is_whole() ? ApplyWhole(change, hash, packed) : ApplyInPart(change, hash);
}

Result<void> FoldedTable::ApplyWhole(const Change& change, uint64_t hash, const PackedRow& packed) {
  if (change.operation == Operation::kInsert) return Insert(change, hash, packed);
  if (identity_.kind == Kind::kInsertOnly ||
      (identity_.kind == Kind::kMultiset && change.old_kind != OldTupleKind::kFull)) {
    return Fail(ErrorKind::kCorrupt, "an update or delete without the identity of its row");
  }
  if (change.operation == Operation::kUpdate) return Update(change, hash, packed);
  return Delete(change.old_tuple, hash);
}

void FoldedTable::Truncate() {
  rows_->Clear();
  real_rows_.clear();
  doubt_.reset();
}

void FoldedTable::set_doubt(Error doubt) {
  Truncate();
  doubt_ = std::move(doubt);
}

// Into a store of its own, so that what `change` yields may borrow from the row it is given. For a
// while there are two of them: what takes much memory goes to disk then.
Result<void> FoldedTable::Rewrite(const std::function<Tuple(Tuple row)>& change) {
  const bool fits = memory_ == nullptr || rows_->memory_bytes() <= memory_->row_bytes() / 4;
  std::unique_ptr<RowStore> before;
  if (in_memory_ != nullptr && fits) {
    before = UseMemory();
  } else {
    ASSIGN_OR_RETURN(before, UseDisk());
  }
  return TakeRows(*before, change);
}

Result<void> FoldedTable::TakeRows(const RowStore& rows,
                                   const std::function<Tuple(Tuple row)>& change) {
  return rows.ForEachRow(0, UINT64_MAX, [&](Tuple row) -> Result<void> {
    const Tuple after = change(row);
    return Put(Pack(after), identity_.Hash(after));
  });
}

Result<void> FoldedTable::Become(Relation relation, const ColumnMapping& mapping) {
  ++descriptions_;
  if (!mapping.unchanged || !SameTableAndColumnNames(relation_, relation)) ++reshapes_;
  const RowIdentity before = std::exchange(identity_, RowIdentity(relation));
  relation_ = std::move(relation);
  if (!part_.is_whole() && !KeepsParts(before, mapping)) return Fail(TakesOtherParts());
  if (mapping.unchanged && identity_ == before) return {};
  if (!real_rows_.empty()) {
    ChangeRealRows(before.width, mapping.unchanged && identity_.columns == before.columns,
                   [&](std::vector<Value>* row) { *row = Mapped(*row, mapping); });
  }
  if (mapping.unchanged) return Rewrite([](Tuple row) { return row; });
  std::vector<Value> after;
  return Rewrite([&](Tuple row) { return Tuple(after = Mapped(row, mapping)); });
}

Result<bool> FoldedTable::ChangeValues(size_t column, const RenamedLabelMap* /*renamed*/,
                                       const std::function<bool(Value* value)>& change) {
  const bool tells_part = identity_.kind != Kind::kKeyed || relation_.columns[column].key;
  if (!part_.is_whole() && tells_part) return Fail(TakesOtherParts());
  bool doubtful = false;
  bool changes = false;
  ++reshapes_;
  TRY(rows_->ForEachRow(0, UINT64_MAX, [&](Tuple row) -> Result<void> {
    Value value = row[column];
    if (value.state == ValueState::kNull) return {};
    doubtful |= change(&value);
    changes |= !(value == row[column]);
    return {};
  }));
  ChangeRealRows(relation_.columns.size(), /*same_identity=*/true, [&](std::vector<Value>* real) {
    if ((*real)[column].state != ValueState::kNull) doubtful |= change(&(*real)[column]);
  });
  if (!changes) return doubtful;
  std::vector<Value> after(relation_.columns.size());
  TRY(Rewrite([&](Tuple row) {
    after.assign(row.begin(), row.end());
    if (after[column].state != ValueState::kNull) change(&after[column]);
    return Tuple(after);
  }));
  return doubtful;
}

Result<bool> FoldedTable::FindRow(const Change& change, uint64_t hash,
                                  std::vector<Value>* row) const {
  if (change.operation == Operation::kInsert || identity_.kind == Kind::kInsertOnly) return false;
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  ASSIGN_OR_RETURN(const char* const found,
                   rows_->Find(has_old ? change.old_tuple : change.new_tuple, hash));
  if (found == nullptr) return false;
  row->resize(relation_.columns.size());
  UnpackRow(found, *row);
  return true;
}

}  // namespace trunkline
