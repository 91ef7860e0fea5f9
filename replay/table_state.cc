#include "replay/table_state.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace trunkline {
namespace {

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
      identity_(relation_),
      found_(identity_.width) {
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
  return TakeRows(*before, identity_.width, [](Tuple row) { return row; });
}

void FoldedTable::ExpectRows(uint64_t rows, uint64_t live) {
  if (in_memory_ == nullptr || memory_ == nullptr || !part_.is_whole()) return;
  if (rows > memory_->row_bytes() / 4 / MemoryRows::kMostBytesPerRow) return;
  in_memory_->Expect(rows, live);
}

Result<void> FoldedTable::ForEachRow(uint64_t first, uint64_t count,
                                     const std::function<Result<void>(Tuple row)>& visit) const {
  RowReader reader(identity_.width);
  return rows_->ForEachRow(first, count, [&](const char* row) { return visit(reader.Read(row)); });
}

Result<void> FoldedTable::ForEachCells(uint64_t first, uint64_t count,
                                       const CellsVisit& visit) const {
  std::vector<Cell> cells(identity_.width);
  return rows_->ForEachRow(first, count, [&](const char* row) {
    UnpackRow(row, cells);
    return visit(cells);
  });
}

// Valid until the next call.
PackedChange FoldedTable::Packed(const Change& change) const {
  PackedChange packed;
  packed.operation = change.operation;
  packed.old_kind = change.old_kind;
  if (change.operation != Operation::kDelete) {
    packed_new_.clear();
    AppendPacked(change.new_tuple, &packed_new_);
    packed.row.bytes = packed_new_;
    packed.whole =
        std::none_of(change.new_tuple.begin(), change.new_tuple.end(), [](const Value& value) {
          return value.state == ValueState::kUnchangedToast || value.state == ValueState::kBinary;
        });
  }
  if (change.old_kind != OldTupleKind::kNone) {
    packed_old_.clear();
    AppendPacked(change.old_tuple, &packed_old_);
  }
  packed.identity =
      change.old_kind == OldTupleKind::kNone ? packed_new_.data() : packed_old_.data();
  packed.hash = identity_.Hash(packed.identity);
  return packed;
}

// `row` with its unchanged TOAST values taken from `old_row`; null: there must be none. Valid until
// the next call.
Result<PackedRow> FoldedTable::Complete(const char* row, const char* old_row) {
  packed_.clear();
  for (const RelationColumn& column : relation_.columns) {
    const char* const value = std::exchange(row, SkipCell(row));
    const char* const old = old_row;
    if (old != nullptr) old_row = SkipCell(old);
    const char* whole = value;
    switch (UnpackCell(&whole).kind) {
      case Cell::Kind::kBinary:
        return Fail(ErrorKind::kUnsupported,
                    "column \"" + column.name + "\" has values in binary format");
      case Cell::Kind::kUnchangedToast:
        if (old == nullptr) {
          return Fail(ErrorKind::kCorrupt,
                      "column \"" + column.name + "\" of a new row is said to be unchanged");
        }
        packed_.append(old, old_row);
        break;
      default:
        packed_.append(value, row);
    }
  }
  return PackedRow{packed_};
}

Result<void> FoldedTable::Insert(const PackedChange& change) {
  if (change.whole) return Put(change.row, change.hash);
  ASSIGN_OR_RETURN(const PackedRow row, Complete(change.row.bytes.data(), nullptr));
  return Put(row, change.hash);
}

Result<void> FoldedTable::Put(const PackedRow& row, uint64_t hash) {
  ASSIGN_OR_RETURN(const bool inserted, rows_->Insert(row, hash));
  if (inserted) return {};
  if (incomplete_) {
    ASSIGN_OR_RETURN(const char* const found, rows_->Find(row.bytes.data(), hash));
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
  RowReader reader(identity_.width);
  conflicts_->OnRowConflict(ConflictKind::kTakenKey, relation_, reader.Read(row.bytes.data()));
  ASSIGN_OR_RETURN(const char* const other, rows_->Find(row.bytes.data(), hash));
  CHECK(other != nullptr);
  return rows_->Erase();
}

Result<void> FoldedTable::MissingRow(const char* identity, const char* what) {
  if (incomplete_) return {};
  if (conflicts_ == nullptr) return Fail(ErrorKind::kCorrupt, what);
  RowReader reader(identity_.width);
  conflicts_->OnRowConflict(ConflictKind::kMissingRow, relation_, reader.Read(identity));
  return {};
}

Result<void> FoldedTable::Update(const PackedChange& change) {
  ASSIGN_OR_RETURN(const char* const old_row, rows_->Find(change.identity, change.hash));
  if (old_row == nullptr) {
    return MissingRow(change.identity, "an update of a row that is not there");
  }
  PackedRow row = change.row;
  if (!change.whole) {
    ASSIGN_OR_RETURN(row, Complete(change.row.bytes.data(), old_row));
  }
  const bool keeps_identity =
      change.old_kind == OldTupleKind::kNone || identity_.AreAlike(old_row, row.bytes.data());
  if (keeps_identity) return rows_->Replace(row);
  const uint64_t new_hash = identity_.Hash(row.bytes.data());
  ASSIGN_OR_RETURN(const bool replaced, rows_->ReplaceIdentity(row, new_hash));
  if (replaced) return {};
  TRY(TakeKey(row, new_hash));
  ASSIGN_OR_RETURN(const char* const again, rows_->Find(change.identity, change.hash));
  CHECK(again != nullptr);
  ASSIGN_OR_RETURN(const bool taken, rows_->ReplaceIdentity(row, new_hash));
  CHECK(taken);
  return {};
}

Result<void> FoldedTable::Delete(const PackedChange& change) {
  ASSIGN_OR_RETURN(const char* const found, rows_->Find(change.identity, change.hash));
  if (found == nullptr) {
    return MissingRow(change.identity, "a delete of a row that is not there");
  }
  return rows_->Erase();
}

Result<void> FoldedTable::Apply(const Change& change) { return Apply(change, Packed(change)); }

Result<void> FoldedTable::Apply(const Change& change, const PackedChange& packed) {
  if (doubt_) return {};
  if (!real_rows_.empty()) return ApplyBesideReal(change);
  return part_.is_whole() ? ApplyWhole(packed) : ApplyInPart(change);
}

Result<void> FoldedTable::ApplyWhole(const PackedChange& change) {
  if (change.operation == Operation::kInsert) return Insert(change);
  if (identity_.kind == Kind::kInsertOnly ||
      (identity_.kind == Kind::kMultiset && change.old_kind != OldTupleKind::kFull)) {
    return Fail(ErrorKind::kCorrupt, "an update or delete without the identity of its row");
  }
  return change.operation == Operation::kUpdate ? Update(change) : Delete(change);
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
Result<void> FoldedTable::Rewrite(size_t width, const std::function<Tuple(Tuple row)>& change) {
  const bool fits = memory_ == nullptr || rows_->memory_bytes() <= memory_->row_bytes() / 4;
  std::unique_ptr<RowStore> before;
  if (in_memory_ != nullptr && fits) {
    before = UseMemory();
  } else {
    ASSIGN_OR_RETURN(before, UseDisk());
  }
  return TakeRows(*before, width, change);
}

Result<void> FoldedTable::TakeRows(const RowStore& rows, size_t width,
                                   const std::function<Tuple(Tuple row)>& change) {
  RowReader before(width);
  return rows.ForEachRow(0, UINT64_MAX, [&](const char* row) -> Result<void> {
    packed_.clear();
    AppendPacked(change(before.Read(row)), &packed_);
    return Put({packed_}, identity_.Hash(packed_.data()));
  });
}

Result<void> FoldedTable::Become(Relation relation, const ColumnMapping& mapping) {
  ++descriptions_;
  if (!mapping.unchanged || !SameTableAndColumnNames(relation_, relation)) ++reshapes_;
  const RowIdentity before = std::exchange(identity_, RowIdentity(relation));
  found_ = RowReader(identity_.width);
  relation_ = std::move(relation);
  if (!part_.is_whole() && !KeepsParts(before, mapping)) return Fail(TakesOtherParts());
  if (mapping.unchanged && identity_ == before) return {};
  if (!real_rows_.empty()) {
    ChangeRealRows(before.width, [&](std::vector<Value>* row) { *row = Mapped(*row, mapping); });
  }
  if (mapping.unchanged) return Rewrite(before.width, [](Tuple row) { return row; });
  std::vector<Value> after;
  return Rewrite(before.width, [&](Tuple row) { return Tuple(after = Mapped(row, mapping)); });
}

Result<bool> FoldedTable::ChangeValues(size_t column, const RenamedLabelMap* /*renamed*/,
                                       const std::function<bool(Value* value)>& change) {
  const bool tells_part = identity_.kind != Kind::kKeyed || relation_.columns[column].key;
  if (!part_.is_whole() && tells_part) return Fail(TakesOtherParts());
  bool doubtful = false;
  bool changes = false;
  ++reshapes_;
  TRY(ForEachRow(0, UINT64_MAX, [&](Tuple row) -> Result<void> {
    Value value = row[column];
    if (value.state == ValueState::kNull) return {};
    doubtful |= change(&value);
    changes |= !(value == row[column]);
    return {};
  }));
  ChangeRealRows(relation_.columns.size(), [&](std::vector<Value>* real) {
    if ((*real)[column].state != ValueState::kNull) doubtful |= change(&(*real)[column]);
  });
  if (!changes) return doubtful;
  std::vector<Value> after(relation_.columns.size());
  TRY(Rewrite(identity_.width, [&](Tuple row) {
    after.assign(row.begin(), row.end());
    if (after[column].state != ValueState::kNull) change(&after[column]);
    return Tuple(after);
  }));
  return doubtful;
}

Result<bool> FoldedTable::FindRow(const Change& change, std::vector<Value>* row) const {
  if (change.operation == Operation::kInsert || identity_.kind == Kind::kInsertOnly) return false;
  const PackedChange packed = Packed(change);
  ASSIGN_OR_RETURN(const char* const found, rows_->Find(packed.identity, packed.hash));
  if (found == nullptr) return false;
  const Tuple values = found_.Read(found);
  row->assign(values.begin(), values.end());
  return true;
}

}  // namespace trunkline
