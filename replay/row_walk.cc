#include "replay/row_walk.h"

#include <algorithm>
#include <utility>

#include "archive/listed_segment.h"
#include "archive/stream_definition.h"
#include "replay/row_walk_rows.h"

namespace trunkline {
namespace {

// Behind 0, which comes before all changes.
uint64_t OrderOf(size_t block, size_t change) { return (uint64_t{block} << 32) + change + 1; }

// A transaction's changes may lie on both sides of none of its snapshots: they go by its commit.
bool IsOfStretch(const TransactionSlice& slice, Lsn from, Lsn limit) {
  return from <= slice.info.commit_lsn && slice.info.commit_lsn < limit;
}

}  // namespace

RowWalk::RowWalk(const Store& store, Wanted wanted, RowSink* sink)
    : SchemaFold([this](uint32_t oid) { return IsLoaded(oid) && (!wanted_ || wanted_(oid)); }),
      store_(store),
      wanted_(std::move(wanted)),
      sink_(sink) {}

// A table is passed over until its snapshot; one without any, until the base snapshot, which would
// have it.
bool RowWalk::IsLoaded(uint32_t oid) const {
  if (resumed_) return true;
  const auto found = loaded_at_.find(oid);
  if (found == loaded_at_.end()) return loaded_ >= base_;
  return loaded_ >= (base_.valid() ? std::min(found->second, base_) : found->second);
}

RowWalk::Rows* RowWalk::RowsOf(uint32_t oid) {
  Entry* entry = FindEntry(oid);
  return entry == nullptr ? nullptr : static_cast<Rows*>(entry->rows.get());
}

Moment RowWalk::Now() const { return at() == nullptr ? Moment{.lsn = Position()} : moment_; }

void RowWalk::Emit(uint32_t oid, RowEvent event) {
  if (!outcome_) return;
  event.at = Now();
  outcome_ = sink_->Take(oid, event);
}

std::unique_ptr<TableRows> RowWalk::NewRows(const Relation& relation) {
  auto shape = std::make_shared<TableShape>();
  shape->key = KeyColumnsOf(relation, FindDefinition(relation.oid));
  shape->relation = relation;
  alive_.insert(relation.oid);
  RowEvent event{.kind = RowEventKind::kShape};
  event.shape = shape;
  Emit(relation.oid, event);
  return std::make_unique<Rows>(this, std::move(shape));
}

std::unique_ptr<TableRows> RowWalk::RestoredRows(const Relation& relation, bool has_rows,
                                                 std::optional<Error> doubt) {
  auto shape = std::make_shared<TableShape>();
  shape->key = KeyColumnsOf(relation, FindDefinition(relation.oid));
  shape->relation = relation;
  alive_.insert(relation.oid);
  return std::make_unique<Rows>(this, std::move(shape), has_rows, std::move(doubt));
}

void RowWalk::OnDefinition(Lsn) {
  std::erase_if(alive_, [this](uint32_t oid) {
    if (FindEntry(oid) != nullptr) return false;
    Emit(oid, {.kind = RowEventKind::kGone});
    return true;
  });
  for (auto& [oid, entry] : entries_) static_cast<Rows*>(entry.rows.get())->FollowDefinition();
}

Result<void> RowWalk::Resume(std::string_view saved, Lsn end, std::string digest) {
  resumed_ = true;
  started_ = true;
  last_end_ = end;
  last_digest_ = std::move(digest);
  return Restore(saved);
}

std::unordered_map<uint32_t, std::shared_ptr<const TableShape>> RowWalk::Shapes() const {
  std::unordered_map<uint32_t, std::shared_ptr<const TableShape>> shapes;
  for (const auto& [oid, entry] : entries_) {
    shapes[oid] = static_cast<const Rows*>(entry.rows.get())->shape();
  }
  return shapes;
}

std::vector<uint32_t> RowWalk::InDoubt() const {
  std::vector<uint32_t> tables;
  for (const auto& [oid, entry] : entries_) {
    if (entry.rows->doubt()) tables.push_back(oid);
  }
  return tables;
}

Result<void> RowWalk::Run(const WalkPlan& plan, const AfterSegment& after) {
  for (const TablesAt& snapshot : plan.snapshots) {
    for (const SnapshotPart& part : snapshot.parts) {
      const uint32_t oid = part.relation.oid;
      if (!snapshot.incomplete.contains(oid)) loaded_at_.emplace(oid, snapshot.lsn);
    }
    if (snapshot.base && !base_.valid()) base_ = snapshot.lsn;
  }
  snapshots_.assign(plan.snapshots.rbegin(), plan.snapshots.rend());
  if (!started_) TRY(TakeSnapshotsUpTo(plan.from()));
  uint64_t total = 0;
  uint64_t done = 0;
  for (const SegmentEntry& segment : plan.segments) total += segment.size;
  for (const SegmentEntry& segment : plan.segments) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const SegmentReader> reader,
                     OpenListed(store_, segment.name));
    TRY(AddSegment(reader, plan.until));
    done += segment.size;
    if (after) TRY(after(*reader, done, total));
  }
  return TakeSnapshotsUpTo(plan.until);
}

Result<void> RowWalk::AddSegment(const std::shared_ptr<const SegmentReader>& reader, Lsn until) {
  ++counts_.segments;
  const SegmentHeader& header = reader->header();
  if (header.begin == last_end_ && header.previous_digest != last_digest_) {
    return Fail(
        ErrorKind::kCorrupt,
        reader->name() + " does not follow the segment before it: one of the two was replaced",
        "trunkline verify finds all damage");
  }
  last_end_ = header.end;
  last_digest_ = reader->chain_digest();
  for (size_t index = 0; index < reader->blocks().size(); ++index) {
    TRY(AddBlock(reader, index, until));
  }
  TRY(TakeSnapshotsUpTo(std::min(until, header.end)));
  LeaveBlock(std::min(until, header.end));
  return {};
}

Result<void> RowWalk::AddBlock(const std::shared_ptr<const SegmentReader>& reader, size_t index,
                               Lsn until) {
  const BlockStats& block = reader->blocks()[index];
  if (block.commit_lsn_min >= until) return {};
  TRY(TakeSnapshotsUpTo(block.commit_lsn_min));
  if (block.commit_lsn_max < loaded_) return {};
  const bool snapshot_within = !snapshots_.empty() && snapshots_.back().lsn <= block.commit_lsn_max;
  Enter(reader);
  if (!snapshot_within && !MustDecode(*reader, block)) {
    ++counts_.skipped;
    LeaveBlock(std::min(until, block.commit_lsn_max));
    return {};
  }
  ++counts_.blocks;
  TRY(reader->ReadBlock(index, &block_));
  // What comes before the newest snapshot was passed over where that is the first one.
  Lsn from = loaded_;
  while (!snapshots_.empty() && snapshots_.back().lsn <= block.commit_lsn_max) {
    const TablesAt snapshot = std::move(snapshots_.back());
    snapshots_.pop_back();
    TRY(Play(reader, index, from, std::min(until, snapshot.lsn)));
    DecodedBlock kept = std::exchange(block_, DecodedBlock());
    TRY(TakeSnapshot(snapshot));
    block_ = std::move(kept);
    from = snapshot.lsn;
  }
  return Play(reader, index, from, until);
}

// Also notes the rows that the block brings.
bool RowWalk::MustDecode(const SegmentReader& reader, const BlockStats& block) {
  if (block.has_messages) return true;
  bool must = false;
  for (const BlockRelationStats& stats : block.relations) {
    const Relation& relation = reader.relations()[stats.relation_index];
    must |= kept_back_.contains(relation.oid);
    if (!Wants(relation.oid)) continue;
    const Entry* entry = FindEntry(relation.oid);
    must |= entry == nullptr || stats.truncates > 0 || block.commit_lsn_min < loaded_ ||
            !IsSettled(*entry, relation) ||
            sink_->WantsRows(*static_cast<Rows*>(entry->rows.get())->shape(), stats);
  }
  if (must) return true;
  for (const BlockRelationStats& stats : block.relations) {
    const uint32_t oid = reader.relations()[stats.relation_index].oid;
    if (!Wants(oid)) continue;
    missing_.erase(oid);
    if (stats.inserts > 0) RowsOf(oid)->set_has_rows(true);
  }
  return false;
}

Result<void> RowWalk::Play(const std::shared_ptr<const SegmentReader>& reader, size_t index,
                           Lsn from, Lsn limit) {
  Enter(reader);
  EnterBlock(block_);
  limit_ = limit;
  for (const TransactionSlice& slice : block_.slices()) {
    if (!IsOfStretch(slice, from, limit)) continue;
    moment_ = {.lsn = slice.info.commit_lsn, .xid = slice.info.xid, .time = slice.info.commit_time};
    for (size_t i = slice.first_change; i < slice.first_change + slice.change_count; ++i) {
      const Change& change = block_.changes()[i];
      moment_.order = OrderOf(index, i);
      set_at(&change);
      TRY(TakeChange(change, moment_));
      TRY(outcome_);
    }
  }
  LeaveBlock(std::min(limit, reader->blocks()[index].commit_lsn_max));
  return {};
}

Result<void> RowWalk::TakeChange(const Change& change, const Moment& at) {
  if (change.operation == Operation::kRaw) {
    return Fail(ErrorKind::kUnsupported,
                "the archive holds at LSN " + at.lsn.ToString() +
                    " a message of a type that this version does not know",
                "a newer version of trunkline may follow it");
  }
  if (!HasRows(change.operation)) return ApplyOther(change);
  if (const auto copies = kept_back_.find(change.relation->oid); copies != kept_back_.end()) {
    TRY(Touch(change, &copies->second));
  }
  Entry* entry = EntryOf(*change.relation);
  if (entry == nullptr) return {};
  if (entry->active != change.relation) TRY(Activate(entry, *change.relation));
  RowEvent event{.kind = RowEventKind::kDelete, .at = at};
  event.old_row = change.old_tuple;
  if (change.operation == Operation::kInsert) {
    event.kind = RowEventKind::kInsert;
    static_cast<Rows*>(entry->rows.get())->set_has_rows(true);
  } else if (change.operation == Operation::kUpdate) {
    event.kind = RowEventKind::kUpdate;
  }
  event.row = WithKey(change, *static_cast<Rows*>(entry->rows.get())->shape());
  return sink_->Take(change.relation->oid, event);
}

// The new row; a key that is out of line, and the same as before, comes with the old one alone.
Tuple RowWalk::WithKey(const Change& change, const TableShape& shape) {
  const auto is_missing = [&](uint16_t column) {
    return change.new_tuple[column].state == ValueState::kUnchangedToast;
  };
  if (change.old_tuple.empty() || change.new_tuple.empty() ||
      std::none_of(shape.key.begin(), shape.key.end(), is_missing)) {
    return change.new_tuple;
  }
  row_.assign(change.new_tuple.begin(), change.new_tuple.end());
  for (const uint16_t column : shape.key) {
    if (is_missing(column)) row_[column] = change.old_tuple[column];
  }
  return row_;
}

}  // namespace trunkline
