// Fold, as far as transactions are left out.
#include "replay/fold.h"

namespace trunkline {

void Fold::set_skip(std::unordered_set<uint64_t> commit_lsns, SkipObserver* observer) {
  skip_ = std::move(commit_lsns);
  skip_observer_ = observer;
}

Result<void> Fold::AddAllButSkipped(const DecodedBlock& block, Lsn from, Lsn limit) {
  std::span<const Change> run;  // of transactions in a row that are not left out
  for (const TransactionSlice& slice : block.slices()) {
    if (slice.info.commit_lsn < from || slice.info.commit_lsn >= limit) continue;
    const auto changes = block.changes().subspan(slice.first_change, slice.change_count);
    if (!skip_.contains(slice.info.commit_lsn.value)) {
      run = run.empty() ? changes : std::span(run.data(), run.size() + changes.size());
      continue;
    }
    TRY(AddChanges(run));
    run = {};
    for (const Change& change : changes) {
      set_at(&change);
      TRY(Skip(change));
    }
  }
  return AddChanges(run);
}

// Tables become what the transaction made of them all the same, since what follows is written for
// that.
Result<void> Fold::Skip(const Change& change) {
  skip_observer_->OnSkipped(Transaction(), change);
  if (change.operation == Operation::kTruncate) {
    for (const Relation* relation : change.truncated) {
      Entry* entry = EntryOf(*relation);
      if (entry == nullptr) continue;
      TRY(Activate(entry, *relation));
      static_cast<FoldedTable*>(entry->rows.get())->SkipTruncate();
    }
    return {};
  }
  if (change.relation == nullptr) return AddChanges(std::span(&change, 1));
  Entry* entry = EntryOf(*change.relation);
  if (entry == nullptr) return {};
  if (entry->active != change.relation) TRY(Activate(entry, *change.relation));
  return static_cast<FoldedTable*>(entry->rows.get())->Skip(change);
}

void Fold::OnRowConflict(ConflictKind kind, const Relation& relation, Tuple row) {
  skip_observer_->OnConflict({.kind = kind,
                              .relation = &relation,
                              .row = row,
                              .change = at(),
                              .transaction = at() == nullptr ? nullptr : &Transaction()});
}

}  // namespace trunkline
