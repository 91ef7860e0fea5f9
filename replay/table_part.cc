// FoldedTable, as far as it keeps a part of its rows alone.
#include "replay/rows_part.h"
#include "replay/table_state.h"

namespace trunkline {

Error FoldedTable::TakesOtherParts() const {
  return Error{ErrorKind::kUnsupported,
               "rows of the table " + relation_.schema + "." + relation_.name +
                   " take those of other parts to tell",
               {}};
}

bool FoldedTable::IsInPart(Tuple row) const {
  return PartOf(relation_, row, part_.count) == part_.number;
}

// The new row with what the change says of the old one: all of it, or its key.
Tuple FoldedTable::WithOldValues(const Change& change) {
  arriving_.assign(change.new_tuple.begin(), change.new_tuple.end());
  for (size_t i = 0; i < arriving_.size() && !change.old_tuple.empty(); ++i) {
    const bool told = change.old_kind == OldTupleKind::kFull || relation_.columns[i].key;
    if (arriving_[i].state == ValueState::kUnchangedToast && told) {
      arriving_[i] = change.old_tuple[i];
    }
  }
  return arriving_;
}

Result<void> FoldedTable::ApplyInPart(const Change& change) {
  if (change.operation == Operation::kInsert) {
    return IsInPart(change.new_tuple) ? ApplyWhole(Packed(change)) : Result<void>();
  }
  if (change.operation == Operation::kDelete) {
    return IsInPart(change.old_tuple) ? ApplyWhole(Packed(change)) : Result<void>();
  }
  const Tuple row = WithOldValues(change);
  const bool arrives = IsInPart(row);
  const bool leaves = change.old_kind == OldTupleKind::kNone ? arrives : IsInPart(change.old_tuple);
  if (leaves == arrives) return leaves ? ApplyWhole(Packed(change)) : Result<void>();
  Change half = change;
  if (leaves) {
    half.operation = Operation::kDelete;
    return ApplyWhole(Packed(half));
  }
  for (const Value& value : row) {
    if (value.state == ValueState::kUnchangedToast) return Fail(TakesOtherParts());
  }
  half.operation = Operation::kInsert;
  half.old_kind = OldTupleKind::kNone;
  half.new_tuple = row;
  return ApplyWhole(Packed(half));
}

bool FoldedTable::KeepsParts(const RowIdentity& before, const ColumnMapping& mapping) const {
  if (identity_.kind != before.kind) return false;
  if (mapping.unchanged) return identity_.columns == before.columns;
  if (identity_.kind != Kind::kKeyed || identity_.columns.size() != before.columns.size()) {
    return false;
  }
  for (size_t i = 0; i < before.columns.size(); ++i) {
    if (mapping.sources[identity_.columns[i]].old_column != before.columns[i]) return false;
  }
  return true;
}

}  // namespace trunkline
