#include "replay/table_state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <utility>

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

FoldedTable::FoldedTable(Relation relation, const RowsPart& part)
    : relation_(std::move(relation)), part_(part) {
  SetMode();
}

void FoldedTable::SetMode() {
  identity_columns_.clear();
  const bool full = relation_.identity == ReplicaIdentity::kFull;
  const bool nothing = relation_.identity == ReplicaIdentity::kNothing;
  for (size_t i = 0; i < relation_.columns.size() && !nothing; ++i) {
    if (full || relation_.columns[i].key) identity_columns_.push_back(static_cast<uint16_t>(i));
  }
  mode_ = full ? Mode::kMultiset : identity_columns_.empty() ? Mode::kInsertOnly : Mode::kKeyed;
  old_values_.resize(relation_.columns.size());
}

uint64_t FoldedTable::Hash(Tuple row) const {
  uint64_t hash = 0;
  for (const uint16_t column : identity_columns_) {
    const Value& value = row[column];
    hash = value.state == ValueState::kNull
               ? hash * 0x9E3779B97F4A7C15ULL + 1
               : XXH3_64bits_withSeed(value.bytes.data(), value.bytes.size(), hash);
  }
  return hash;
}

uint64_t FoldedTable::LookupHash(const Change& change) const {
  if (mode_ == Mode::kInsertOnly) return 0;
  return Hash(change.old_kind == OldTupleKind::kNone ? change.new_tuple : change.old_tuple);
}

void FoldedTable::PrefetchSlot(uint64_t hash) const {
  if (const RowId row = index_.Guess(hash); row != RowStore::kNoRow) rows_.Prefetch(row);
}

void FoldedTable::PrefetchRow(uint64_t hash) const {
  const RowId row = index_.Guess(hash);
  if (row == RowStore::kNoRow) return;
  if (const char* packed = rows_.packed(row)) __builtin_prefetch(packed);
}

bool FoldedTable::SameIdentity(RowId row, Tuple other) const {
  const char* packed = rows_.packed(row);
  size_t column = 0;
  for (const uint16_t wanted : identity_columns_) {
    for (; column < wanted; ++column) UnpackValue(&packed);
    if (!(UnpackValue(&packed) == other[wanted])) return false;
    ++column;
  }
  return true;
}

size_t FoldedTable::Find(uint64_t hash, Tuple identity) const {
  return index_.Find(hash, [&](RowId row) { return SameIdentity(row, identity); });
}

// Makes row `id`, which holds `row`, findable.
Result<void> FoldedTable::Link(RowId id, uint64_t hash, Tuple row) {
  if (mode_ == Mode::kInsertOnly) return {};
  const size_t slot = Find(hash, row);
  if (mode_ == Mode::kKeyed) {
    if (slot != RowIndex::kNoSlot) {
      if (conflicts_ == nullptr) {
        return Fail(ErrorKind::kCorrupt, "a row with the same key is there already");
      }
      conflicts_->OnRowConflict(ConflictKind::kTakenKey, relation_, row);
      rows_.Erase(Unlink(slot));
    }
    index_.Insert(hash, id);
    return {};
  }
  if (next_equal_.size() <= id) next_equal_.resize(id + 1, RowStore::kNoRow);
  if (slot == RowIndex::kNoSlot) {
    next_equal_[id] = RowStore::kNoRow;
    index_.Insert(hash, id);
  } else {
    next_equal_[id] = index_.row(slot);
    index_.set_row(slot, id);
  }
  return {};
}

// Makes one row of `slot` unfindable, and says which.
FoldedTable::RowId FoldedTable::Unlink(size_t slot) {
  const RowId id = index_.row(slot);
  if (mode_ == Mode::kMultiset && next_equal_[id] != RowStore::kNoRow) {
    index_.set_row(slot, next_equal_[id]);
  } else {
    index_.Erase(slot);
  }
  return id;
}

Result<void> FoldedTable::Reindex() {
  index_.Clear();
  next_equal_.clear();
  if (mode_ == Mode::kInsertOnly) return {};
  index_.Reserve(rows_.live());
  std::vector<Value> row(relation_.columns.size());
  for (RowId id = 0; id < rows_.end(); ++id) {
    if (rows_.packed(id) == nullptr) continue;
    UnpackRow(rows_.packed(id), row);
    TRY(Link(id, Hash(row), row));
  }
  return {};
}

// `row` with its unchanged TOAST values taken from `old_row`; kNoRow: there must be none.
Result<Tuple> FoldedTable::Complete(Tuple row, RowId old_row) {
  bool complete = true;
  for (const Value& value : row) complete &= IsStored(value);
  if (complete) return row;
  if (old_row != RowStore::kNoRow) UnpackRow(rows_.packed(old_row), old_values_);
  new_values_.assign(row.begin(), row.end());
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i].state == ValueState::kBinary) {
      return Fail(ErrorKind::kUnsupported,
                  "column \"" + relation_.columns[i].name + "\" has values in binary format");
    }
    if (row[i].state != ValueState::kUnchangedToast) continue;
    if (old_row == RowStore::kNoRow) {
      return Fail(ErrorKind::kCorrupt, "column \"" + relation_.columns[i].name +
                                           "\" of a new row is said to be unchanged");
    }
    new_values_[i] = old_values_[i];
  }
  return Tuple(new_values_);
}

Result<void> FoldedTable::MakeRoom() {
  if (!rows_.wasteful() && !rows_.full()) return {};
  rows_.Compact();
  if (rows_.full()) return Fail(ErrorKind::kUnsupported, "it has more rows than fit in memory");
  return Reindex();
}

Result<void> FoldedTable::Insert(Tuple row, uint64_t hash) {
  ASSIGN_OR_RETURN(const Tuple complete, Complete(row, RowStore::kNoRow));
  if (incomplete_ && mode_ == Mode::kKeyed) {
    const size_t slot = Find(hash, complete);
    if (slot != RowIndex::kNoSlot) {
      rows_.Replace(index_.row(slot), complete);
      return {};
    }
  }
  return Link(rows_.Append(complete), hash, complete);
}

Result<void> FoldedTable::MissingRow(Tuple identity, const char* what) {
  if (incomplete_) return {};
  if (conflicts_ == nullptr) return Fail(ErrorKind::kCorrupt, what);
  conflicts_->OnRowConflict(ConflictKind::kMissingRow, relation_, identity);
  return {};
}

Result<void> FoldedTable::Update(const Change& change, uint64_t hash) {
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  const Tuple identity = has_old ? change.old_tuple : change.new_tuple;
  const size_t slot = Find(hash, identity);
  if (slot == RowIndex::kNoSlot) {
    return MissingRow(identity, "an update of a row that is not there");
  }
  ASSIGN_OR_RETURN(const Tuple row, Complete(change.new_tuple, index_.row(slot)));
  if (!has_old) {
    rows_.Replace(index_.row(slot), row);
    return {};
  }
  const uint64_t new_hash = Hash(row);
  if (new_hash == hash && SameIdentity(index_.row(slot), row)) {
    rows_.Replace(index_.row(slot), row);
    return {};
  }
  const RowId id = Unlink(slot);
  TRY(Link(id, new_hash, row));
  rows_.Replace(id, row);
  return {};
}

Result<void> FoldedTable::Delete(Tuple old_row, uint64_t hash) {
  const size_t slot = Find(hash, old_row);
  if (slot == RowIndex::kNoSlot) {
    return MissingRow(old_row, "a delete of a row that is not there");
  }
  rows_.Erase(Unlink(slot));
  return {};
}

Result<void> FoldedTable::Apply(const Change& change, uint64_t hash) {
  if (doubt_) return {};
  if (!real_rows_.empty()) return ApplyBesideReal(change, hash);
  return part_.is_whole() ? ApplyWhole(change, hash) : ApplyInPart(change, hash);
}

Result<void> FoldedTable::ApplyWhole(const Change& change, uint64_t hash) {
  TRY(MakeRoom());
  if (change.operation == Operation::kInsert) return Insert(change.new_tuple, hash);
  if (mode_ == Mode::kInsertOnly ||
      (mode_ == Mode::kMultiset && change.old_kind != OldTupleKind::kFull)) {
    return Fail(ErrorKind::kCorrupt, "an update or delete without the identity of its row");
  }
  if (change.operation == Operation::kUpdate) return Update(change, hash);
  return Delete(change.old_tuple, hash);
}

void FoldedTable::Truncate() {
  rows_.Clear();
  index_.Clear();
  next_equal_.clear();
  real_rows_.clear();
  doubt_.reset();
}

void FoldedTable::set_doubt(Error doubt) {
  Truncate();
  doubt_ = std::move(doubt);
}

Result<void> FoldedTable::Become(Relation relation, const ColumnMapping& mapping) {
  const std::vector<uint16_t> identity_before = identity_columns_;
  const Mode mode_before = mode_;
  const size_t width_before = relation_.columns.size();
  ++descriptions_;
  if (!mapping.unchanged || !SameTableAndColumnNames(relation_, relation)) ++reshapes_;
  relation_ = std::move(relation);
  SetMode();
  if (!part_.is_whole() && !KeepsParts(identity_before, mode_before, mapping)) {
    return Fail(TakesOtherParts());
  }
  if (!mapping.unchanged) MapRows(mapping, width_before);
  if (mapping.unchanged && mode_ == mode_before && identity_columns_ == identity_before) return {};
  if (!real_rows_.empty()) {
    ChangeRealRows(width_before, mapping.unchanged && identity_columns_ == identity_before,
                   [&](std::vector<Value>* row) { *row = Mapped(*row, mapping); });
  }
  return Reindex();
}

void FoldedTable::MapRows(const ColumnMapping& mapping, size_t width_before) {
  RowStore rows;
  std::vector<Value> before(width_before);
  for (RowId id = 0; id < rows_.end(); ++id) {
    if (rows_.packed(id) == nullptr) continue;
    UnpackRow(rows_.packed(id), before);
    rows.Append(Mapped(before, mapping));
  }
  rows_ = std::move(rows);
}

Result<bool> FoldedTable::ChangeValues(size_t column, const RenamedLabelMap* /*renamed*/,
                                       const std::function<bool(Value* value)>& change) {
  const bool tells_part = mode_ != Mode::kKeyed || relation_.columns[column].key;
  if (!part_.is_whole() && tells_part) return Fail(TakesOtherParts());
  bool doubtful = false;
  ++reshapes_;
  std::vector<Value> row(relation_.columns.size());
  for (RowId id = 0; id < rows_.end(); ++id) {
    if (rows_.packed(id) == nullptr) continue;
    UnpackRow(rows_.packed(id), row);
    if (row[column].state == ValueState::kNull) continue;
    doubtful |= change(&row[column]);
    rows_.Replace(id, row);
  }
  ChangeRealRows(relation_.columns.size(), /*same_identity=*/true, [&](std::vector<Value>* real) {
    if ((*real)[column].state != ValueState::kNull) doubtful |= change(&(*real)[column]);
  });
  TRY(Reindex());
  return doubtful;
}

bool FoldedTable::FindRow(const Change& change, uint64_t hash, std::vector<Value>* row) const {
  if (change.operation == Operation::kInsert || mode_ == Mode::kInsertOnly) return false;
  const size_t slot =
      Find(hash, change.old_kind == OldTupleKind::kNone ? change.new_tuple : change.old_tuple);
  if (slot == RowIndex::kNoSlot) return false;
  row->resize(relation_.columns.size());
  UnpackRow(rows_.packed(index_.row(slot)), *row);
  return true;
}

Result<void> FoldedTable::ForEachRowNow(const std::function<Result<void>(Tuple row)>& visit) const {
  std::vector<Value> row(relation_.columns.size());
  for (RowId id = 0; id < rows_.end(); ++id) {
    if (rows_.packed(id) == nullptr) continue;
    UnpackRow(rows_.packed(id), row);
    TRY(visit(row));
  }
  return {};
}

void FoldedTable::Finish() {
  index_.Clear();
  next_equal_.clear();
  next_equal_.shrink_to_fit();
  rows_.DropErased();
}

Result<void> FoldedTable::ForEachRow(uint64_t first, uint64_t count,
                                     const std::function<Result<void>(Tuple row)>& visit) const {
  std::vector<Value> row(relation_.columns.size());
  const uint64_t end = std::min<uint64_t>(first + count, rows_.end());
  for (uint64_t id = first; id < end; ++id) {
    UnpackRow(rows_.packed(static_cast<RowId>(id)), row);
    TRY(visit(row));
  }
  return {};
}

}  // namespace trunkline
