// FoldedTable, as far as transactions are left out. What they wrote comes back in each later
// update, which sends the row as a whole. So rows that differ from what they really were are known
// as they really were, too: what an update changed is what it tells other than the real row before
// it.
#include <utility>

#include "replay/cell_row.h"
#include "replay/table_state.h"

namespace trunkline {
namespace {

std::string PackedAlone(Tuple row) {
  std::string packed;
  AppendPacked(row, &packed);
  return packed;
}

void TakeUnchanged(Tuple before, std::vector<Value>* row) {
  for (size_t i = 0; i < row->size(); ++i) {
    if ((*row)[i].state == ValueState::kUnchangedToast) (*row)[i] = before[i];
  }
}

}  // namespace

std::string FoldedTable::IdentityOf(Tuple row) const {
  std::vector<Value> identity;
  for (const uint16_t column : identity_.columns) identity.push_back(row[column]);
  return PackedAlone(identity);
}

// The row that is there now with the identity of a packed row, in memory of its own; empty where
// there is none.
Result<std::optional<std::string>> FoldedTable::CopyOf(const std::string& identity) const {
  ASSIGN_OR_RETURN(const char* const packed,
                   rows_->Find(identity.data(), identity_.Hash(identity.data())));
  if (packed == nullptr) return std::optional<std::string>();
  return std::optional<std::string>(WholeRow(packed, identity_.width));
}

Result<void> FoldedTable::PutReal(Tuple row) {
  std::string packed = PackedAlone(row);
  ASSIGN_OR_RETURN(const std::optional<std::string> now, CopyOf(packed));
  if (now == packed) {
    real_rows_.erase(IdentityOf(row));
  } else {
    real_rows_[IdentityOf(row)] = std::move(packed);
  }
  return {};
}

Result<void> FoldedTable::Skip(const Change& change) {
  if (identity_.kind != Kind::kKeyed || doubt_) return {};
  if (change.operation == Operation::kDelete) {
    real_rows_.erase(IdentityOf(change.old_tuple));
    return {};
  }
  std::vector<Value> after(change.new_tuple.begin(), change.new_tuple.end());
  if (change.operation == Operation::kInsert) return PutReal(after);
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  const Tuple identity = has_old ? change.old_tuple : change.new_tuple;
  const auto real = real_rows_.extract(IdentityOf(identity));
  ASSIGN_OR_RETURN(const std::optional<std::string> now, CopyOf(PackedAlone(identity)));
  if (real.empty() && !now) {
    return Fail(ErrorKind::kCorrupt, "an update of a row that is not there");
  }
  RowReader before(after.size());
  TakeUnchanged(before.Read(real.empty() ? now->data() : real.mapped().data()), &after);
  return PutReal(after);
}

void FoldedTable::SkipTruncate() { real_rows_.clear(); }

Result<void> FoldedTable::ApplyBesideReal(const Change& change) {
  if (change.operation == Operation::kInsert) return ApplyWhole(Packed(change));
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  const auto real = real_rows_.extract(IdentityOf(has_old ? change.old_tuple : change.new_tuple));
  if (real.empty() || change.operation == Operation::kDelete) return ApplyWhole(Packed(change));
  return UpdateBesideReal(change, real.mapped());
}

Result<void> FoldedTable::UpdateBesideReal(const Change& change, const std::string& real) {
  RowReader real_reader(relation_.columns.size());
  const Tuple before = real_reader.Read(real.data());
  std::vector<Value> after(change.new_tuple.begin(), change.new_tuple.end());
  TakeUnchanged(before, &after);
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  const Tuple identity = has_old ? change.old_tuple : change.new_tuple;
  ASSIGN_OR_RETURN(const std::optional<std::string> now, CopyOf(PackedAlone(identity)));
  if (!now) {
    conflicts_->OnRowConflict(ConflictKind::kMissingRow, relation_, identity);
  } else {
    conflicts_->OnRowConflict(ConflictKind::kBuiltOn, relation_, identity);
    RowReader reader(after.size());
    const Tuple row = reader.Read(now->data());
    std::vector<Value> merged(row.begin(), row.end());
    for (size_t i = 0; i < merged.size(); ++i) {
      if (!(after[i] == before[i])) merged[i] = after[i];
    }
    Change change_alone = change;
    change_alone.new_tuple = merged;
    TRY(Update(Packed(change_alone)));
  }
  return PutReal(after);
}

void FoldedTable::ChangeRealRows(size_t width_before,
                                 const std::function<void(std::vector<Value>* row)>& change) {
  for (const auto& [identity, packed] : std::exchange(real_rows_, {})) {
    RowReader reader(width_before);
    const Tuple before = reader.Read(packed.data());
    std::vector<Value> row(before.begin(), before.end());
    change(&row);
    real_rows_[IdentityOf(row)] = PackedAlone(row);
  }
}

}  // namespace trunkline
