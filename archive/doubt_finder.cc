#include "archive/doubt_finder.h"

#include <algorithm>

#include "archive/listed_segment.h"
#include "archive/stream_definition.h"

namespace trunkline {
namespace {

// Whether a table may have rows is all that is kept of them.
class UnseenRows final : public TableRows {
 public:
  explicit UnseenRows(Relation relation) : relation_(std::move(relation)) {}

  const Relation& relation() const override { return relation_; }
  bool has_rows() const override { return has_rows_; }
  void NoteRows() { has_rows_ = !doubt_; }
  Result<void> Become(Relation relation, const ColumnMapping&) override {
    relation_ = std::move(relation);
    return {};
  }
  Result<bool> ChangeValues(size_t, const RenamedLabelMap* renamed,
                            const std::function<bool(Value* value)>&) override {
    return has_rows_ && renamed == nullptr;
  }
  // Snapshots are added once they are whole.
  void set_incomplete(bool) override {}
  bool incomplete() const override { return false; }
  void Truncate() override {
    has_rows_ = false;
    doubt_.reset();
  }
  void set_doubt(Error doubt) override {
    has_rows_ = false;
    doubt_ = std::move(doubt);
  }
  const std::optional<Error>& doubt() const override { return doubt_; }

 private:
  Relation relation_;
  bool has_rows_ = false;
  std::optional<Error> doubt_;
};

UnseenRows* RowsOf(TableRows* rows) { return static_cast<UnseenRows*>(rows); }

bool Brings(const TablesAt& snapshot, uint32_t oid) {
  return std::any_of(snapshot.parts.begin(), snapshot.parts.end(),
                     [oid](const SnapshotPart& part) { return part.relation.oid == oid; });
}

}  // namespace

std::unique_ptr<TableRows> DoubtFinder::NewRows(const Relation& relation) {
  return std::make_unique<UnseenRows>(relation);
}

void DoubtFinder::OnDoubt(const Relation& relation, Lsn lsn, const Error& doubt) {
  const DoubtInterval interval{.oid = relation.oid,
                               .table = {relation.schema, relation.name},
                               .from = lsn,
                               .until = std::nullopt,
                               .reason = doubt.message};
  open_.try_emplace(relation.oid, interval);
}

void DoubtFinder::OnDoubtEnds(uint32_t oid, Lsn lsn) {
  const auto found = open_.find(oid);
  if (found == open_.end()) return;
  found->second.until = lsn;
  ended_.push_back(std::move(found->second));
  open_.erase(found);
}

// Tables that no row is known of, and that the definition before did not have.
void DoubtFinder::OnDefinition(Lsn lsn) {
  std::vector<uint32_t> gone;
  for (const auto& [oid, interval] : open_) {
    if (FindEntry(oid) == nullptr && definition_.FindTable(oid) == nullptr) gone.push_back(oid);
  }
  for (const uint32_t oid : gone) OnDoubtEnds(oid, lsn);
  for (const TableDefinition* table : UnknownTables()) {
    Relation relation;
    relation.oid = table->oid;
    relation.schema = table->name.first;
    relation.name = table->name.second;
    OnDoubt(relation, lsn,
            Error{ErrorKind::kGap, "the table " + NameOf(relation) + " joined the publication",
                  std::string()});
  }
}

void DoubtFinder::AddSnapshot(TablesAt snapshot) {
  const auto later = std::find_if(snapshots_.begin(), snapshots_.end(),
                                  [&](const TablesAt& other) { return other.lsn > snapshot.lsn; });
  snapshots_.insert(later, std::move(snapshot));
}

Result<void> DoubtFinder::LoadNext() {
  const TablesAt snapshot = std::move(snapshots_.front());
  snapshots_.pop_front();
  if (!snapshot.base && !started_) return {};
  ASSIGN_OR_RETURN(Definition definition, ParseDefinition(snapshot.definition));
  for (const SnapshotPart& part : snapshot.parts) OnDoubtEnds(part.relation.oid, snapshot.lsn);
  if (snapshot.base) {
    while (!open_.empty()) OnDoubtEnds(open_.begin()->first, snapshot.lsn);
    Start(snapshot.lsn, snapshot.parts, std::move(definition));
    started_ = true;
  } else {
    TRY(Load(snapshot.lsn, snapshot.parts, std::move(definition)));
  }
  for (const SnapshotPart& part : snapshot.parts) {
    if (part.rows > 0) RowsOf(FindEntry(part.relation.oid)->rows.get())->NoteRows();
  }
  return {};
}

Result<void> DoubtFinder::LoadUpTo(Lsn lsn) {
  while (!snapshots_.empty() && snapshots_.front().lsn <= lsn) TRY(LoadNext());
  return {};
}

Result<void> DoubtFinder::AddSegment(const std::shared_ptr<const SegmentReader>& reader) {
  // What the source lost may have been anything; a base snapshot follows, which knows.
  if (reader->header().kind == SegmentKind::kChanges) {
    for (size_t index = 0; index < reader->blocks().size(); ++index) TRY(AddBlock(reader, index));
  }
  TRY(LoadUpTo(reader->header().end));
  reached_ = std::max(reached_, reader->header().end);
  LeaveBlock(reached_);
  return {};
}

Result<void> DoubtFinder::AddBlock(const std::shared_ptr<const SegmentReader>& reader,
                                   size_t index) {
  const BlockStats& block = reader->blocks()[index];
  TRY(LoadUpTo(block.commit_lsn_min));
  const bool snapshot_within =
      !snapshots_.empty() && snapshots_.front().lsn <= block.commit_lsn_max;
  Enter(reader);
  if (!snapshot_within && (!started_ || !MustDecode(*reader, block))) {
    LeaveBlock(block.commit_lsn_max);
    return {};
  }
  TRY(reader->ReadBlock(index, &block_));
  Lsn from;
  while (!snapshots_.empty() && snapshots_.front().lsn <= block.commit_lsn_max) {
    const Lsn until = snapshots_.front().lsn;
    TRY(Play(reader, from, until));
    TRY(LoadNext());
    from = until;
  }
  return Play(reader, from, Lsn{UINT64_MAX});
}

// Also notes the rows that the block brings.
bool DoubtFinder::MustDecode(const SegmentReader& reader, const BlockStats& block) {
  if (block.has_messages) return true;
  for (const BlockRelationStats& stats : block.relations) {
    const Relation& relation = reader.relations()[stats.relation_index];
    const Entry* entry = FindEntry(relation.oid);
    if (entry == nullptr || stats.truncates > 0 || !IsSettled(*entry, relation)) return true;
  }
  for (const BlockRelationStats& stats : block.relations) {
    const Relation& relation = reader.relations()[stats.relation_index];
    missing_.erase(relation.oid);
    if (stats.inserts > 0) RowsOf(FindEntry(relation.oid)->rows.get())->NoteRows();
  }
  return false;
}

Result<void> DoubtFinder::Play(const std::shared_ptr<const SegmentReader>& reader, Lsn from,
                               Lsn limit) {
  if (!started_) return {};
  Enter(reader);
  EnterBlock(block_);
  for (const Change& change : ChangesWithin(block_, from, limit)) {
    set_at(&change);
    if (change.relation == nullptr) {
      TRY(ApplyOther(change));
      continue;
    }
    Entry* entry = EntryOf(*change.relation);
    if (entry->active != change.relation) TRY(Activate(entry, *change.relation));
    if (change.operation == Operation::kInsert) RowsOf(entry->rows.get())->NoteRows();
  }
  LeaveBlock(std::min(limit, reader->header().end));
  return {};
}

std::vector<DoubtInterval> DoubtFinder::open() const {
  std::vector<DoubtInterval> intervals;
  for (const auto& [oid, interval] : open_) {
    intervals.push_back(interval);
    const auto next = std::find_if(
        snapshots_.begin(), snapshots_.end(),
        [oid = oid](const TablesAt& snapshot) { return snapshot.base || Brings(snapshot, oid); });
    if (next != snapshots_.end()) intervals.back().until = next->lsn;
  }
  return intervals;
}

Result<void> FollowArchive(const Store& store, const Catalog& catalog, bool from_first,
                           DoubtFinder* finder,
                           const std::function<void(const SegmentReader& segment)>& seen) {
  const SnapshotEntry* base = nullptr;
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.complete && (base == nullptr || !from_first)) base = &snapshot;
  }
  if (base == nullptr) return {};
  ASSIGN_OR_RETURN(std::vector<TablesAt> snapshots, SnapshotsFrom(store, catalog, base->lsn));
  for (TablesAt& snapshot : snapshots) finder->AddSnapshot(std::move(snapshot));
  for (const SegmentEntry& segment : catalog.segments) {
    if (segment.end <= base->lsn) {
      finder->PassOver(segment.end);
      continue;
    }
    if (finder->reached().valid() && segment.begin > finder->reached()) {
      // A spool lists what it has while the archive is away.
      return Fail(ErrorKind::kUnavailable, "the segments from " + finder->reached().ToString() +
                                               " to " + segment.begin.ToString() +
                                               " cannot be read now");
    }
    ASSIGN_OR_RETURN(const std::shared_ptr<const SegmentReader> reader,
                     OpenListed(store, segment.name));
    TRY(finder->AddSegment(reader));
    if (seen) seen(*reader);
  }
  return {};
}

}  // namespace trunkline
