#include "replay/fold.h"

#include <algorithm>
#include <utility>

#include "archive/stream_definition.h"

namespace trunkline {
namespace {

// How many changes to fetch ahead: enough to hide the latency of memory, few enough to stay cached.
constexpr size_t kWindow = 64;

bool IsRowChange(const Change& change) {
  return change.operation == Operation::kInsert || change.operation == Operation::kUpdate ||
         change.operation == Operation::kDelete;
}

}  // namespace

std::unique_ptr<TableRows> Fold::NewRows(const Relation& relation) {
  auto table = std::make_unique<FoldedTable>(relation, part_);
  if (!skip_.empty()) table->set_conflicts(this);
  return table;
}

// Takes the longest run of row changes at the front of `changes` that can be looked up together:
// none of them changes what a relation is. Yields its length, 0 for a change of another kind.
Result<size_t> Fold::Prepare(std::span<const Change> changes) {
  window_.clear();
  size_t count = 0;
  for (const Change& change : changes.first(std::min(changes.size(), kWindow))) {
    if (!IsRowChange(change)) break;
    set_at(&change);
    Entry* entry = EntryOf(*change.relation);
    if (entry != nullptr && entry->active != change.relation) {
      if (!window_.empty()) break;
      TRY(Activate(entry, *change.relation));
    }
    ++count;
    if (entry == nullptr) continue;
    auto* table = static_cast<FoldedTable*>(entry->rows.get());
    const uint64_t hash = table->LookupHash(change);
    table->PrefetchIndex(hash);
    window_.push_back({.change = &change, .table = table, .hash = hash});
  }
  return count;
}

Result<void> Fold::ApplyPrepared() {
  for (const Prepared& prepared : window_) prepared.table->PrefetchSlot(prepared.hash);
  for (const Prepared& prepared : window_) prepared.table->PrefetchRow(prepared.hash);
  for (const Prepared& prepared : window_) {
    set_at(prepared.change);
    if (shown_ != nullptr) {
      TRY(observer_->OnRowChange(*shown_, *prepared.change, prepared.hash, *prepared.table));
    }
    TRY(prepared.table->Apply(*prepared.change, prepared.hash));
  }
  return {};
}

Error Fold::Located(Error error) const {
  const bool row_change = at() != nullptr && at()->relation != nullptr;
  const std::string where = "LSN " + Position().ToString();
  return std::move(error).WithContext(
      row_change ? "table " + NameOf(*at()->relation) + " at " + where : where);
}

Result<void> Fold::AddChanges(std::span<const Change> changes) {
  while (!changes.empty()) {
    ASSIGN_OR_RETURN(size_t count, Prepare(changes));
    if (count > 0) {
      TRY(ApplyPrepared());
    } else {
      set_at(&changes.front());
      if (changes.front().operation == Operation::kRaw) {
        return Fail(ErrorKind::kUnsupported,
                    "the archive holds a message of a type that this version does not know",
                    "a newer version of trunkline may rebuild it");
      }
      TRY(shown_ == nullptr ? ApplyOther(changes.front()) : ApplyAndShow(changes.front()));
      count = 1;
    }
    changes = changes.subspan(count);
  }
  return {};
}

Result<void> Fold::Add(const ReadAhead::Item& item, Lsn from, Lsn limit) {
  Enter(item.reader);
  EnterBlock(item.block);
  limit_ = limit;
  const std::span<const Change> changes = ChangesWithin(item.block, from, limit);
  if (!changes.empty()) {
    Result<void> added = observer_ != nullptr ? AddObserved(item.block, from, limit)
                         : skip_.empty()      ? AddChanges(changes)
                                              : AddAllButSkipped(item.block, from, limit);
    if (!added) return Fail(Located(std::move(added).error()));
  }
  LeaveBlock(std::min(limit, item.stats().commit_lsn_max));
  return {};
}

}  // namespace trunkline
