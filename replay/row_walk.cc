#include "replay/row_walk.h"

#include <algorithm>
#include <utility>

#include "archive/listed_segment.h"
#include "archive/stream_definition.h"

namespace trunkline {
namespace {

bool ChangesRow(const Change& change) {
  return change.operation == Operation::kInsert || change.operation == Operation::kUpdate ||
         change.operation == Operation::kDelete;
}

// Behind 0, which comes before all changes.
uint64_t OrderOf(size_t block, size_t change) { return (uint64_t{block} << 32) + change + 1; }

Error WrongPart(const std::string& name) {
  return Error{ErrorKind::kCorrupt, name + " is not the part that the snapshot's manifest lists",
               "trunkline verify finds all damage"};
}

// A transaction's changes may lie on both sides of none of its snapshots: they go by its commit.
bool IsWithin(const TransactionSlice& slice, Lsn from, Lsn limit) {
  return from <= slice.info.commit_lsn && slice.info.commit_lsn < limit;
}

}  // namespace

// A table's rows, of which it keeps no more than whether there may be any.
class RowWalk::Rows final : public TableRows {
 public:
  Rows(RowWalk* walk, std::shared_ptr<const TableShape> shape, bool has_rows = false,
       std::optional<Error> doubt = {})
      : walk_(walk), shape_(std::move(shape)), has_rows_(has_rows), doubt_(std::move(doubt)) {}

  const std::shared_ptr<const TableShape>& shape() const { return shape_; }
  const Relation& relation() const override { return shape_->relation; }
  bool has_rows() const override { return has_rows_; }
  void set_has_rows(bool has_rows) { has_rows_ = has_rows && !doubt_; }

  Result<void> Become(Relation relation, const ColumnMapping& mapping) override {
    SetShape(std::move(relation), mapping);
    return {};
  }

  // What tells rows apart under REPLICA IDENTITY FULL is known from definitions alone.
  void FollowDefinition() {
    if (shape_->relation.identity != ReplicaIdentity::kFull) return;
    if (shape_->key == KeyOf(shape_->relation)) return;
    ColumnMapping same;
    same.unchanged = true;
    for (size_t i = 0; i < shape_->relation.columns.size(); ++i) {
      same.sources.push_back({.old_column = static_cast<int>(i), .constant = std::nullopt});
    }
    SetShape(shape_->relation, same);
  }

  Result<bool> ChangeValues(size_t column, const RenamedLabelMap* renamed,
                            const std::function<bool(Value* value)>&) override {
    if (renamed == nullptr) return has_rows_;
    RowEvent event{.kind = RowEventKind::kRelabel};
    event.column = static_cast<uint16_t>(column);
    event.labels = renamed;
    walk_->Emit(oid(), event);
    return false;
  }

  void Truncate() override {
    has_rows_ = false;
    doubt_.reset();
    walk_->Emit(oid(), {.kind = RowEventKind::kTruncate});
  }

  void set_doubt(Error doubt) override {
    has_rows_ = false;
    RowEvent event{.kind = RowEventKind::kDoubt};
    event.text = doubt.message;
    walk_->Emit(oid(), event);
    doubt_ = std::move(doubt);
  }
  const std::optional<Error>& doubt() const override { return doubt_; }
  // The walk keeps such tables back until they are whole.
  void set_incomplete(bool) override {}
  bool incomplete() const override { return false; }

 private:
  uint32_t oid() const { return shape_->relation.oid; }

  std::vector<uint16_t> KeyOf(const Relation& relation) const {
    return KeyColumnsOf(relation, walk_->FindDefinition(relation.oid));
  }

  void SetShape(Relation relation, const ColumnMapping& mapping) {
    auto shape = std::make_shared<TableShape>();
    shape->key = KeyOf(relation);
    shape->relation = std::move(relation);
    shape->mapping = mapping;
    shape_ = std::move(shape);
    RowEvent event{.kind = RowEventKind::kShape};
    event.shape = shape_;
    walk_->Emit(oid(), event);
  }

  RowWalk* walk_;
  std::shared_ptr<const TableShape> shape_;
  bool has_rows_;
  std::optional<Error> doubt_;
};

Lsn WalkPlan::StartOf(uint32_t oid) const {
  Lsn base;
  std::optional<Lsn> own;
  std::optional<Lsn> first;  // of a table that is not whole yet
  for (const TablesAt& snapshot : snapshots) {
    if (snapshot.lsn > start) break;
    if (snapshot.base) base = snapshot.lsn;
    const bool brings =
        std::any_of(snapshot.parts.begin(), snapshot.parts.end(),
                    [oid](const SnapshotPart& part) { return part.relation.oid == oid; });
    if (!brings) continue;
    if (!first) first = snapshot.lsn;
    if (snapshot.incomplete.contains(oid)) continue;
    own = *std::exchange(first, std::nullopt);
  }
  return own.value_or(base);
}

void WalkPlan::BeginWith(uint32_t oid) {
  const Lsn begin = StartOf(oid);
  std::erase_if(snapshots, [begin](const TablesAt& snapshot) { return snapshot.lsn < begin; });
  std::erase_if(segments, [begin](const SegmentEntry& segment) { return segment.end <= begin; });
}

Result<WalkPlan> PlanRest(const Store& store, const Catalog& catalog, Lsn end, Lsn until) {
  WalkPlan plan;
  plan.start = end;
  plan.until = until;
  ASSIGN_OR_RETURN(plan.segments, SegmentsBetween(catalog, end, until));
  ASSIGN_OR_RETURN(std::vector<TablesAt> later, SnapshotsFrom(store, catalog, Lsn{end.value + 1}));
  for (TablesAt& snapshot : later) {
    if (snapshot.lsn <= until) plan.snapshots.push_back(std::move(snapshot));
  }
  TRY(PartByLsn(store, &plan.snapshots));
  return plan;
}

Result<WalkPlan> PlanWalk(const Store& store, const Catalog& catalog, Lsn from, Lsn until) {
  WalkPlan plan;
  plan.start = from;
  plan.until = until;
  ASSIGN_OR_RETURN(plan.snapshots, SnapshotsFor(store, catalog, from));
  ASSIGN_OR_RETURN(plan.segments, SegmentsBetween(catalog, plan.from(), until));
  ASSIGN_OR_RETURN(std::vector<TablesAt> later, SnapshotsFrom(store, catalog, Lsn{from.value + 1}));
  for (TablesAt& snapshot : later) {
    if (snapshot.lsn <= until) plan.snapshots.push_back(std::move(snapshot));
  }
  TRY(PartByLsn(store, &plan.snapshots));
  return plan;
}

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
  last_digest_ = reader->digest();
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
    if (!IsWithin(slice, from, limit)) continue;
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
  if (!ChangesRow(change)) return ApplyOther(change);
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
