#include "replay/fold.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "replay/fold_definition.h"

namespace trunkline {
namespace {

// How many changes to fetch ahead: enough to hide the latency of memory, few enough to stay cached.
constexpr size_t kWindow = 64;

bool IsRowChange(const Change& change) {
  return change.operation == Operation::kInsert || change.operation == Operation::kUpdate ||
         change.operation == Operation::kDelete;
}

Error UnknownRows(const Relation& relation) {
  return Error{ErrorKind::kGap,
               "the table " + NameOf(relation) +
                   " joined the publication after the base snapshot, and rows that it held before "
                   "are not in the archive",
               std::string(kLeaveOutHint)};
}

}  // namespace

void Fold::Start(std::span<const SnapshotPart> parts, Definition definition) {
  definition_ = std::move(definition);
  for (const SnapshotPart& part : parts) {
    if (!Wants(part.relation.oid) || entries_.contains(part.relation.oid)) continue;
    AddTable(part.relation).seen = true;
  }
}

Fold::Entry& Fold::AddTable(const Relation& relation) {
  Entry& entry = entries_[relation.oid];
  entry.table = std::make_unique<FoldedTable>(relation);
  entry.table->numbers() = NumberColumns(relation, FindDefinition(relation.oid));
  return entry;
}

void Fold::Enter(const std::shared_ptr<const SegmentReader>& reader) {
  if (reader == reader_) return;
  reader_ = reader;
  bound_.assign(reader->relations().size(), Binding{});
  for (auto& [oid, entry] : entries_) entry.active = nullptr;
}

// The table of a relation of reader_; null when it is not wanted. One that no snapshot brought is
// new where all tables are published, and else in doubt from the start.
Fold::Entry* Fold::EntryOf(const Relation& relation) {
  Binding& binding = bound_[static_cast<size_t>(&relation - reader_->relations().data())];
  if (binding.known) return binding.entry;
  binding.known = true;
  if (!Wants(relation.oid)) return nullptr;
  const auto found = entries_.find(relation.oid);
  if (found != entries_.end()) return binding.entry = &found->second;
  binding.entry = &AddTable(relation);
  if (!definition_.all_tables) binding.entry->table->set_doubt(UnknownRows(relation));
  return binding.entry;
}

// Takes the longest run of row changes at the front of `changes` that can be looked up together:
// none of them changes what a relation is. Yields its length, 0 for a change of another kind.
Result<size_t> Fold::Prepare(std::span<const Change> changes) {
  window_.clear();
  size_t count = 0;
  for (const Change& change : changes.first(std::min(changes.size(), kWindow))) {
    if (!IsRowChange(change)) break;
    at_ = &change;
    Entry* entry = EntryOf(*change.relation);
    if (entry != nullptr && entry->active != change.relation) {
      if (!window_.empty()) break;
      TRY(Activate(entry, *change.relation));
    }
    ++count;
    if (entry == nullptr) continue;
    const uint64_t hash = entry->table->LookupHash(change);
    entry->table->PrefetchIndex(hash);
    window_.push_back({.change = &change, .table = entry->table.get(), .hash = hash});
  }
  return count;
}

Result<void> Fold::ApplyPrepared() {
  for (const Prepared& prepared : window_) prepared.table->PrefetchSlot(prepared.hash);
  for (const Prepared& prepared : window_) prepared.table->PrefetchRow(prepared.hash);
  for (const Prepared& prepared : window_) {
    at_ = prepared.change;
    TRY(prepared.table->Apply(*prepared.change, prepared.hash));
  }
  return {};
}

Result<void> Fold::Truncate(const Change& change) {
  for (const Relation* relation : change.truncated) {
    Entry* entry = EntryOf(*relation);
    if (entry == nullptr) continue;
    entry->table->Truncate();
    TRY(Activate(entry, *relation));
  }
  return {};
}

Result<void> Fold::ApplyOther(const Change& change) {
  switch (change.operation) {
    case Operation::kTruncate:
      return Truncate(change);
    case Operation::kDefinition:
    case Operation::kMessage:
      if (IsDefinition(change)) return TakeDefinition(change);
      return {};
    case Operation::kRaw:
      return Fail(ErrorKind::kUnsupported,
                  "the archive holds a message of a type that this version does not know",
                  "a newer version of trunkline may rebuild it");
    case Operation::kInsert:
    case Operation::kUpdate:
    case Operation::kDelete:
      break;
  }
  return {};
}

// The transaction at hand.
const TransactionInfo& Fold::Transaction() const {
  const auto index = static_cast<size_t>(at_ - changes_.data());
  const auto slice = std::find_if(slices_.begin(), slices_.end(), [&](const auto& candidate) {
    return index < candidate.first_change + candidate.change_count;
  });
  CHECK(slice != slices_.end());
  return slice->info;
}

Error Fold::Located(Error error) const {
  const bool row_change = at_ != nullptr && at_->relation != nullptr;
  const std::string where = "LSN " + Transaction().commit_lsn.ToString();
  return std::move(error).WithContext(
      row_change ? "table " + NameOf(*at_->relation) + " at " + where : where);
}

Result<void> Fold::AddChanges(std::span<const Change> changes) {
  while (!changes.empty()) {
    ASSIGN_OR_RETURN(size_t count, Prepare(changes));
    if (count > 0) {
      TRY(ApplyPrepared());
    } else {
      at_ = &changes.front();
      TRY(ApplyOther(changes.front()));
      count = 1;
    }
    changes = changes.subspan(count);
  }
  return {};
}

Result<void> Fold::Add(const ReadAhead::Item& item, Lsn from, Lsn limit) {
  Enter(item.reader);
  limit_ = limit;
  slices_ = item.block.slices();
  changes_ = item.block.changes();
  // Commit LSNs rise from slice to slice: what is in the range stands together.
  size_t first = changes_.size();
  size_t end = 0;
  for (const TransactionSlice& slice : slices_) {
    if (slice.info.commit_lsn < from || slice.info.commit_lsn >= limit) continue;
    first = std::min(first, slice.first_change);
    end = std::max(end, slice.first_change + slice.change_count);
  }
  if (first >= end) return {};
  Result<void> added = AddChanges(changes_.subspan(first, end - first));
  if (!added) return Fail(Located(std::move(added).error()));
  return {};
}

}  // namespace trunkline
