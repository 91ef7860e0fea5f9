#include "replay/fold.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "archive/stream_definition.h"

namespace trunkline {
namespace {

// How many changes to fetch ahead: enough to hide the latency of memory, few enough to stay cached.
constexpr size_t kWindow = 64;

}  // namespace

std::unique_ptr<TableRows> Fold::NewRows(const Relation& relation) {
  auto table = std::make_unique<FoldedTable>(relation, part_, memory_);
  if (!skip_.empty()) table->set_conflicts(this);
  return table;
}

// Takes the longest run of row changes at the front of `changes` that can be looked up together:
// none of them changes what a relation is. Yields its length, 0 for a change of another kind.
Result<size_t> Fold::Fetch(std::span<const Change> changes) {
  window_.clear();
  const Change* const first = item_->block.changes().data();
  size_t count = 0;
  for (const Change& change : changes.first(std::min(changes.size(), kWindow))) {
    if (!HasRows(change.operation)) break;
    set_at(&change);
    const auto index = static_cast<size_t>(&change - first);
    if (IsSuperseded(change, index)) {
      ++count;
      continue;
    }
    Entry* entry = EntryOf(*change.relation);
    if (entry != nullptr && entry->active != change.relation) {
      if (!window_.empty()) break;
      TRY(Activate(entry, *change.relation));
    }
    ++count;
    if (entry == nullptr) continue;
    FoldedTable* const table = &TableOf(entry);
    window_.push_back({&change, table, item_->prepared.change(index, change)});
    table->PrefetchIndex(window_.back().packed.hash);
  }
  return count;
}

Result<void> Fold::ApplyFetched() {
  const auto is_insert = [](const Fetched& fetched) {
    return fetched.packed.operation == Operation::kInsert;
  };
  // A row to insert is hardly ever there already.
  for (const Fetched& fetched : window_) {
    if (!is_insert(fetched)) fetched.table->PrefetchSlot(fetched.packed.hash);
  }
  for (const Fetched& fetched : window_) {
    if (!is_insert(fetched)) fetched.table->PrefetchRow(fetched.packed.hash);
  }
  for (const Fetched& fetched : window_) {
    set_at(fetched.change);
    if (shown_ != nullptr) {
      TRY(observer_->OnRowChange(*shown_, *fetched.change, *fetched.table));
    }
    TRY(fetched.table->Apply(*fetched.change, fetched.packed));
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
    ASSIGN_OR_RETURN(size_t count, Fetch(changes));
    if (count > 0) {
      TRY(ApplyFetched());
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

FoldedTable& Fold::TableOf(Entry* entry) { return static_cast<FoldedTable&>(*entry->rows); }

Result<void> Fold::MakeRoom() {
  uint64_t row_bytes = 0;
  for (auto& [oid, entry] : entries_) {
    TRY(TableOf(&entry).MakeRoom());
    row_bytes += TableOf(&entry).memory_bytes();
  }
  if (memory_ == nullptr || row_bytes <= memory_->row_bytes()) return {};
  return SpillTables(row_bytes);
}

// The largest go first, which leaves most tables as fast as ever.
Result<void> Fold::SpillTables(uint64_t row_bytes) {
  std::vector<FoldedTable*> tables;
  for (auto& [oid, entry] : entries_) tables.push_back(&TableOf(&entry));
  std::sort(tables.begin(), tables.end(), [](const FoldedTable* a, const FoldedTable* b) {
    return a->memory_bytes() > b->memory_bytes();
  });
  for (FoldedTable* table : tables) {
    if (row_bytes <= memory_->fewer_row_bytes() || table->memory_bytes() == 0) break;
    row_bytes -= table->memory_bytes();
    TRY(table->Spill());
  }
  malloc_trim(0);  // or the heap would keep what the rows took
  return {};
}

bool Fold::needs_tuples() const {
  return observer_ != nullptr || !skip_.empty() || !part_.is_whole();
}

void Fold::PrepareItem(ReadAhead::Item* item) const {
  item->prepared.Prepare(
      *item->reader, item->block, [this](uint32_t oid) { return Wants(oid); }, part_.is_whole());
}

// Growing along with the rows would move what is there time and again.
void Fold::ExpectRows(const SegmentReader& reader, Lsn limit) {
  struct Count {
    uint64_t inserts = 0;
    uint64_t deletes = 0;
  };
  std::vector<Count> counts(reader.relations().size());
  for (const BlockStats& block : reader.blocks()) {
    if (block.commit_lsn_min >= limit) break;
    for (const BlockRelationStats& relation : block.relations) {
      Count& count = counts[relation.relation_index];
      if (relation.truncates > 0) count = {};
      count.inserts += relation.inserts;
      count.deletes += relation.deletes;
    }
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    Entry* const entry = FindEntry(reader.relations()[i].oid);
    if (entry == nullptr || counts[i].inserts == 0) continue;
    const uint64_t gone = std::min(counts[i].deletes, counts[i].inserts);
    const uint64_t live = counts[i].inserts - gone;
    TableOf(entry).ExpectRows(std::min(counts[i].inserts, 2 * live), live);
  }
}

// Blocks without other rows are not even read, so that rows of the same table cannot be played
// here.
void Fold::FindSuperseded(const ReadAhead::Item& item) {
  counts_from_.clear();
  if (superseded_.none()) return;
  counts_from_.resize(item.reader->relations().size());
  for (uint32_t i = 0; i < counts_from_.size(); ++i) {
    if (superseded_.Whole(item.index, i)) counts_from_[i] = SIZE_MAX;
  }
  const std::span<const Change> changes = item.block.changes();
  for (size_t i = 0; i < changes.size(); ++i) {
    for (const Relation* relation : changes[i].truncated) {
      const auto index = static_cast<uint32_t>(relation - item.reader->relations().data());
      if (superseded_.UpToTruncate(item.index, index)) counts_from_[index] = i;
    }
  }
}

bool Fold::IsSuperseded(const Change& change, size_t index) const {
  if (counts_from_.empty()) return false;
  return index <
         counts_from_[static_cast<size_t>(change.relation - item_->reader->relations().data())];
}

Result<void> Fold::Add(const ReadAhead::Item& item, Lsn from, Lsn limit) {
  item_ = &item;
  if (Enter(item.reader)) {
    ExpectRows(*item.reader, limit);
    const bool shows_all = observer_ != nullptr || !skip_.empty();
    superseded_ = shows_all ? SupersededRows() : SupersededRows(*item.reader, from, limit);
  }
  EnterBlock(item.block);
  FindSuperseded(item);
  limit_ = limit;
  const std::span<const Change> changes = ChangesWithin(item.block, from, limit);
  if (!changes.empty()) {
    Result<void> added = observer_ != nullptr ? AddObserved(item.block, from, limit)
                         : skip_.empty()      ? AddChanges(changes)
                                              : AddAllButSkipped(item.block, from, limit);
    if (!added) return Fail(Located(std::move(added).error()));
  }
  LeaveBlock(std::min(limit, item.stats().commit_lsn_max));
  return MakeRoom();
}

}  // namespace trunkline
