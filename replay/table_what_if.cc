// FoldedTable, as far as transactions are left out. What they wrote comes back in each later
// update, which sends the row as a whole. So rows that differ from what they really were are known
// as they really were, too: what an update changed is what it tells other than the real row before
// it.
#include <utility>

#include "replay/fold_row.h"
#include "replay/table_state.h"

namespace trunkline {
namespace {

std::string Packed(Tuple row) {
  std::string packed(PackedSize(row), '\0');
  PackRow(row, packed.data());
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
  return Packed(identity);
}

// The row that is there now, in memory of its own; empty where there is none.
Result<std::optional<std::string>> FoldedTable::CopyOf(Tuple identity, uint64_t hash) const {
  ASSIGN_OR_RETURN(const char* const packed, rows_->Find(identity, hash));
  if (packed == nullptr) return std::optional<std::string>();
  return std::optional<std::string>(WholeRow(packed, identity_.width));
}

Result<void> FoldedTable::PutReal(Tuple row) {
  ASSIGN_OR_RETURN(const std::optional<std::string> now, CopyOf(row, identity_.Hash(row)));
  std::string packed = Packed(row);
  if (now == packed) {
    real_rows_.erase(IdentityOf(row));
  } else {
    real_rows_[IdentityOf(row)] = std::move(packed);
  }
  return {};
}

Result<void> FoldedTable::Skip(const Change& change, uint64_t hash) {
  if (identity_.kind != Kind::kKeyed || doubt_) return {};
  if (change.operation == Operation::kDelete) {
    real_rows_.erase(IdentityOf(change.old_tuple));
    return {};
  }
  std::vector<Value> after(change.new_tuple.begin(), change.new_tuple.end());
  if (change.operation == Operation::kInsert) return PutReal(after);
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  const Tuple identity = has_old ? change.old_tuple : change.new_tuple;
  std::vector<Value> before(after.size());
  const auto real = real_rows_.extract(IdentityOf(identity));
  ASSIGN_OR_RETURN(const std::optional<std::string> now, CopyOf(identity, hash));
  if (!real.empty()) {
    UnpackRow(real.mapped().data(), before);
  } else if (now) {
    UnpackRow(now->data(), before);
  } else {
    return Fail(ErrorKind::kCorrupt, "an update of a row that is not there");
  }
  TakeUnchanged(before, &after);
  return PutReal(after);
}

void FoldedTable::SkipTruncate() { real_rows_.clear(); }

Result<void> FoldedTable::ApplyBesideReal(const Change& change, uint64_t hash) {
  if (change.operation == Operation::kInsert) return ApplyWhole(change, hash, {});
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  const auto real = real_rows_.extract(IdentityOf(has_old ? change.old_tuple : change.new_tuple));
  if (real.empty() || change.operation == Operation::kDelete) return ApplyWhole(change, hash, {});
  return UpdateBesideReal(change, hash, real.mapped());
}

Result<void> FoldedTable::UpdateBesideReal(const Change& change, uint64_t hash,
                                           const std::string& real) {
  std::vector<Value> before(relation_.columns.size());
  UnpackRow(real.data(), before);
  std::vector<Value> after(change.new_tuple.begin(), change.new_tuple.end());
  TakeUnchanged(before, &after);
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  const Tuple identity = has_old ? change.old_tuple : change.new_tuple;
  ASSIGN_OR_RETURN(const std::optional<std::string> now, CopyOf(identity, hash));
  if (!now) {
    conflicts_->OnRowConflict(ConflictKind::kMissingRow, relation_, identity);
  } else {
    conflicts_->OnRowConflict(ConflictKind::kBuiltOn, relation_, identity);
    std::vector<Value> merged(after.size());
    UnpackRow(now->data(), merged);
    for (size_t i = 0; i < merged.size(); ++i) {
      if (!(after[i] == before[i])) merged[i] = after[i];
    }
    Change change_alone = change;
    change_alone.new_tuple = merged;
    TRY(Update(change_alone, hash, {}));
  }
  return PutReal(after);
}

void FoldedTable::ChangeRealRows(size_t width_before,
                                 const std::function<void(std::vector<Value>* row)>& change) {
  for (const auto& [identity, packed] : std::exchange(real_rows_, {})) {
    std::vector<Value> row(width_before);
    UnpackRow(packed.data(), row);
    change(&row);
    real_rows_[IdentityOf(row)] = Packed(row);
  }
}

}  // namespace trunkline
