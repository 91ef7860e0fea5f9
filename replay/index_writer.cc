#include "replay/index_writer.h"

#include <algorithm>
#include <optional>

#include "replay/index_events.h"

namespace trunkline {

std::vector<std::pair<Lsn, uint64_t>> SnapshotsUpTo(const Catalog& catalog, Lsn end) {
  std::vector<std::pair<Lsn, uint64_t>> snapshots;
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.lsn > end) continue;
    if (snapshot.complete) {
      snapshots.emplace_back(snapshot.lsn, 0);
    } else if (snapshot.has_definition && !snapshot.tables.empty()) {
      snapshots.emplace_back(snapshot.lsn, snapshot.tables.size());
    }
  }
  return snapshots;
}

Result<void> IndexWriter::Take(uint32_t oid, const RowEvent& event) {
  if (event.kind < RowEventKind::kRow) return TakeTableEvent(oid, event);
  const TableShape& shape = *shapes_.at(oid);
  if (shape.key.empty()) return {};
  ++changes_;
  const std::string key = EncodeKey(shape, event.row.empty() ? event.old_row : event.row);
  std::string old_key;
  if (event.kind == RowEventKind::kUpdate && !event.old_row.empty()) {
    old_key = EncodeKey(shape, event.old_row);
  }
  const bool moved = !old_key.empty() && old_key != key;
  ASSIGN_OR_RETURN(const std::string value, EncodeEvent(shape, event, moved));
  TRY(index_->Put(index_key::Row(oid, key, event.at), value));
  return moved ? index_->Put(index_key::Row(oid, old_key, event.at), value) : Result<void>();
}

Result<void> IndexWriter::TakeTableEvent(uint32_t oid, const RowEvent& event) {
  FollowDoubt(oid, event);
  if (event.at.lsn != last_.lsn || event.at.order != last_.order) number_ = 0;
  last_ = event.at;
  ++number_;
  if (event.kind == RowEventKind::kShape) {
    std::shared_ptr<const TableShape>& shape = shapes_[oid];
    const bool named = shape == nullptr || shape->relation.name != event.shape->relation.name ||
                       shape->relation.schema != event.shape->relation.schema;
    shape = event.shape;
    if (named) TRY(PutName(oid, &shape->relation));
  } else if (event.kind == RowEventKind::kGone) {
    shapes_.erase(oid);
    TRY(PutName(oid, nullptr));
  }
  ASSIGN_OR_RETURN(const std::string value, EncodeEvent(TableShape{}, event, false));
  return index_->Put(index_key::Table(oid, event.at, number_), value);
}

Result<void> IndexWriter::PutName(uint32_t oid, const Relation* relation) {
  return index_->Put(index_key::Name(last_, number_), EncodeName(oid, relation));
}

void IndexWriter::FollowDoubt(uint32_t oid, const RowEvent& event) {
  switch (event.kind) {
    case RowEventKind::kDoubt:
      doubts_.insert(oid);
      return;
    case RowEventKind::kTruncate:
    case RowEventKind::kGone:
    case RowEventKind::kLoad:
      if (doubts_.erase(oid) > 0) settled_ = std::max(settled_, event.at.lsn);
      return;
    default:
      return;
  }
}

void IndexWriter::Begin(Lsn lsn) {
  mark_.eras.push_back(lsn);
  shapes_.clear();
  doubts_.clear();
  settled_ = lsn;
}

void IndexWriter::GoOn(const RowWalk& walk) {
  shapes_ = walk.Shapes();
  const std::vector<uint32_t> doubts = walk.InDoubt();
  doubts_ = {doubts.begin(), doubts.end()};
}

Result<void> IndexWriter::NoteSegment(const std::string& name, uint64_t size, Lsn end,
                                      const std::string& digest) {
  ++segments_;
  mark_.chain = ChainSegment(mark_.chain, name, size);
  mark_.end = end;
  mark_.digest = digest;
  return index_->Put(index_key::Chain(end), EncodeChain(mark_.chain));
}

Result<void> IndexWriter::Mark(const Catalog& catalog, const RowWalk& walk) {
  ASSIGN_OR_RETURN(const std::string state, walk.Save());
  TRY(index_->Put(index_key::State(mark_.end), state));
  mark_.in_era = true;
  mark_.snapshots = SnapshotsUpTo(catalog, mark_.end);
  mark_.settled = doubts_.empty() ? std::optional(settled_) : std::nullopt;
  TRY(index_->Put(index_key::kMark, EncodeMark(mark_)));
  marked_bytes_ = index_->put_bytes();
  return index_->Flush();
}

}  // namespace trunkline
