// RowWalk, as far as it takes snapshots.
#include <algorithm>
#include <utility>

#include "archive/listed_segment.h"
#include "archive/stream_definition.h"
#include "replay/row_walk.h"
#include "replay/row_walk_rows.h"

namespace trunkline {
namespace {

Error WrongPart(const std::string& name) {
  return Error{ErrorKind::kCorrupt, name + " is not the part that the snapshot's manifest lists",
               "trunkline verify finds all damage"};
}

}  // namespace

Result<void> RowWalk::TakeSnapshotsUpTo(Lsn lsn) {
  while (!snapshots_.empty() && snapshots_.back().lsn <= lsn) {
    const TablesAt snapshot = std::move(snapshots_.back());
    snapshots_.pop_back();
    TRY(TakeSnapshot(snapshot));
  }
  return {};
}

bool RowWalk::IsKnown(uint32_t oid) const {
  const auto found = entries_.find(oid);
  return found != entries_.end() && !found->second.rows->doubt();
}

// A later base snapshot brings only tables whose rows are not known: of the others it has those
// that the changes lead to.
Result<void> RowWalk::TakeSnapshot(const TablesAt& snapshot) {
  loaded_ = snapshot.lsn;
  std::vector<SnapshotPart> parts;
  std::unordered_map<uint32_t, uint64_t> rows;
  ASSIGN_OR_RETURN(Definition definition, ParseDefinition(snapshot.definition));
  for (const SnapshotPart& part : snapshot.parts) {
    const uint32_t oid = part.relation.oid;
    if (snapshot.incomplete.contains(oid)) {
      KeepBack(part, snapshot.lsn, definition);
      continue;
    }
    if (!Wants(oid)) continue;
    rows[oid] += part.rows;
    if (!started_ || !snapshot.base || !IsKnown(oid)) parts.push_back(part);
  }
  if (started_) {
    TRY(Load(snapshot.lsn, parts, std::move(definition)));
  } else {
    Start(snapshot.lsn, parts, std::move(definition));
    started_ = true;
  }
  for (const auto& [oid, count] : rows) {
    if (Rows* table = RowsOf(oid)) table->set_has_rows(count > 0 || kept_back_.contains(oid));
  }
  TRY(outcome_);
  TRY(LoadRows(snapshot.lsn, parts));
  for (const auto& [oid, count] : rows) kept_back_.erase(oid);
  return {};
}

void RowWalk::KeepBack(const SnapshotPart& part, Lsn lsn, const Definition& definition) {
  const uint32_t oid = part.relation.oid;
  if (wanted_ && !wanted_(oid)) return;
  std::vector<Copied>& copies = kept_back_[oid];
  if (copies.empty() || copies.back().lsn != lsn) {
    auto shape = std::make_shared<TableShape>();
    shape->key = KeyColumnsOf(part.relation, definition.FindTable(oid));
    shape->relation = part.relation;
    copies.push_back({.lsn = lsn, .shape = std::move(shape), .parts = {}, .touched = {}});
  }
  copies.back().parts.push_back(part);
}

// What is in the later copy, or gone, is not to be taken from an earlier one.
Result<void> RowWalk::Touch(const Change& change, std::vector<Copied>* copies) {
  for (Copied& copied : *copies) {
    const size_t columns = copied.shape->relation.columns.size();
    if (columns != change.relation->columns.size()) {
      return Fail(ErrorKind::kCorrupt, "the table " + NameOf(*change.relation) +
                                           " was altered between the parts of a snapshot of it");
    }
    if (change.operation != Operation::kDelete) {
      copied.touched.insert(EncodeKey(*copied.shape, WithKey(change, *copied.shape)));
    }
    if (!change.old_tuple.empty()) {
      copied.touched.insert(EncodeKey(*copied.shape, change.old_tuple));
    }
  }
  return {};
}

Result<void> RowWalk::LoadRows(Lsn lsn, const std::vector<SnapshotPart>& parts) {
  std::unordered_set<uint32_t> begun;
  for (const SnapshotPart& part : parts) {
    const uint32_t oid = part.relation.oid;
    if (!begun.insert(oid).second) continue;
    TRY(sink_->Take(oid, {.kind = RowEventKind::kLoad, .at = {.lsn = lsn}}));
  }
  if (!sink_->takes_rows()) return {};
  for (const uint32_t oid : begun) {
    const auto copies = kept_back_.find(oid);
    if (copies == kept_back_.end()) continue;
    for (const Copied& copied : copies->second) {
      for (const SnapshotPart& part : copied.parts) TRY(LoadPart(part, lsn, &copied.touched));
    }
  }
  for (const SnapshotPart& part : parts) TRY(LoadPart(part, lsn, nullptr));
  return {};
}

Result<void> RowWalk::LoadPart(const SnapshotPart& part, Lsn lsn,
                               const std::unordered_set<std::string>* touched) {
  if (part.rows == 0) return {};
  const std::shared_ptr<const TableShape> shape = RowsOf(part.relation.oid)->shape();
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store_, part.name));
  ++counts_.segments;
  if (part.digest != reader->digest() || part.rows != reader->changes()) {
    return Fail(WrongPart(part.name));
  }
  for (size_t index = 0; index < reader->blocks().size(); ++index) {
    const BlockStats& block = reader->blocks()[index];
    const bool wanted = std::any_of(
        block.relations.begin(), block.relations.end(),
        [&](const BlockRelationStats& stats) { return sink_->WantsRows(*shape, stats); });
    ++(wanted ? counts_.blocks : counts_.skipped);
    if (!wanted) continue;
    TRY(reader->ReadBlock(index, &block_));
    for (const TransactionSlice& slice : block_.slices()) {
      RowEvent event{.kind = RowEventKind::kRow,
                     .at = {.lsn = lsn, .time = slice.info.commit_time}};
      for (const Change& change :
           block_.changes().subspan(slice.first_change, slice.change_count)) {
        if (change.operation != Operation::kInsert || !(*change.relation == shape->relation)) {
          return Fail(WrongPart(part.name));
        }
        event.row = change.new_tuple;
        if (touched != nullptr && touched->contains(EncodeKey(*shape, event.row))) continue;
        TRY(sink_->Take(part.relation.oid, event));
      }
    }
  }
  return {};
}

}  // namespace trunkline
