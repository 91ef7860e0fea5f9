// Fold, as far as somebody looks on.
#include <algorithm>

#include "archive/stream_definition.h"
#include "replay/fold.h"

namespace trunkline {

void Fold::set_observer(FoldObserver* observer, Lsn from) {
  observer_ = observer;
  observed_from_ = from;
}

const FoldedTable* Fold::FindTable(uint32_t oid) const {
  const auto found = entries_.find(oid);
  if (found == entries_.end() || missing_.contains(oid)) return nullptr;
  return static_cast<const FoldedTable*>(found->second.rows.get());
}

bool Fold::HasTable(const std::function<bool(const Relation& relation)>& is_it) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return is_it(entry.second.rows->relation()); });
}

// Transaction by transaction: changes before the first one to show may stand in the same block.
Result<void> Fold::AddObserved(const DecodedBlock& block, Lsn from, Lsn limit) {
  for (const TransactionSlice& slice : block.slices()) {
    if (slice.info.commit_lsn < from || slice.info.commit_lsn >= limit) continue;
    // Rows of snapshots and messages outside of transactions have no xid.
    const bool show = slice.info.xid.valid() && slice.info.commit_lsn >= observed_from_;
    shown_ = show ? &slice.info : nullptr;
    if (shown_ != nullptr && !observation_begun_) {
      TRY(observer_->OnDefinition(*this, slice.info.commit_lsn));
      observation_begun_ = true;
    }
    TRY(AddChanges(block.changes().subspan(slice.first_change, slice.change_count)));
  }
  shown_ = nullptr;
  return {};
}

Result<void> Fold::ApplyAndShow(const Change& change) {
  if (change.operation == Operation::kTruncate) TRY(ShowTruncate(change));
  TRY(ApplyOther(change));
  return IsDefinition(change) ? observer_->OnDefinition(*this, shown_->commit_lsn) : Result<void>();
}

Result<void> Fold::ShowTruncate(const Change& change) {
  for (const Relation* relation : change.truncated) {
    Entry* entry = EntryOf(*relation);
    if (entry == nullptr) continue;
    TRY(Activate(entry, *relation));
    TRY(observer_->OnTruncate(*shown_, *static_cast<const FoldedTable*>(entry->rows.get())));
  }
  return {};
}

Result<void> Fold::EndObservation(Lsn lsn) { return observer_->OnEnd(*this, lsn); }

}  // namespace trunkline
