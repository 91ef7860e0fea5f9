#include "replay/index_builder.h"

#include <algorithm>
#include <utility>

#include "archive/listed_segment.h"

namespace trunkline {
namespace {

// A stretch without a gap, from a base snapshot on.
struct Era {
  Lsn begin;  // of its first segment
  Lsn from;   // the snapshot
  Lsn until;
};

const SnapshotEntry* FirstWithin(const Catalog& catalog, Lsn begin, Lsn end) {
  const auto found = std::find_if(
      catalog.snapshots.begin(), catalog.snapshots.end(), [&](const SnapshotEntry& snapshot) {
        return snapshot.complete && begin <= snapshot.lsn && snapshot.lsn <= end;
      });
  return found == catalog.snapshots.end() ? nullptr : &*found;
}

std::vector<Era> ErasOf(const Catalog& catalog) {
  std::vector<Era> eras;
  for (size_t i = 0; i < catalog.segments.size();) {
    size_t next = i + 1;
    if (!catalog.segments[i].gap) {
      while (next < catalog.segments.size() && !catalog.segments[next].gap &&
             catalog.segments[next].begin == catalog.segments[next - 1].end) {
        ++next;
      }
      const Lsn begin = catalog.segments[i].begin;
      const Lsn end = catalog.segments[next - 1].end;
      const SnapshotEntry* snapshot = FirstWithin(catalog, begin, end);
      if (snapshot != nullptr) eras.push_back({begin, snapshot->lsn, end});
    }
    i = next;
  }
  return eras;
}

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

// The chain over the archive's segments from the first one indexed to `end`; nothing where they do
// not join. What retention removed from the front, the index knows.
Result<std::optional<uint64_t>> ChainUpTo(const Catalog& catalog, const HistoryIndex& index,
                                          const IndexMark& mark, Lsn end) {
  std::optional<uint64_t> chain;
  Lsn reached;
  for (const SegmentEntry& segment : catalog.segments) {
    if (segment.end <= mark.begin || segment.end > end) continue;
    if (!chain) {
      chain = 0;
      if (segment.begin != mark.begin) {
        ASSIGN_OR_RETURN(const std::optional<std::string> before,
                         index.Get(index_key::Chain(segment.begin)));
        if (!before) return std::optional<uint64_t>();
        ASSIGN_OR_RETURN(chain, DecodeChain(*before));
      }
    } else if (segment.begin != reached) {
      return std::optional<uint64_t>();
    }
    chain = ChainSegment(*chain, segment.name, segment.size);
    reached = segment.end;
  }
  if (reached != end) return std::optional<uint64_t>();
  return chain;
}

class IndexWriter final : public RowSink {
 public:
  IndexWriter(HistoryIndex* index, IndexMark mark)
      : index_(index), mark_(std::move(mark)), settled_(mark_.settled.value_or(Lsn{})) {}

  const IndexMark& mark() const { return mark_; }
  IndexMark* mutable_mark() { return &mark_; }
  uint64_t changes() const { return changes_; }
  uint64_t segments() const { return segments_; }

  bool WantsRows(const TableShape& shape, const BlockRelationStats&) const override {
    return !shape.key.empty();
  }

  Result<void> Take(uint32_t oid, const RowEvent& event) override {
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

  // A walk begins, which tells all that counts from there on.
  void Begin(Lsn lsn) {
    mark_.eras.push_back(lsn);
    shapes_.clear();
    doubts_.clear();
    settled_ = lsn;
  }
  // A shape that the index has already.
  void Know(uint32_t oid, std::shared_ptr<const TableShape> shape) {
    shapes_[oid] = std::move(shape);
  }
  void KnowDoubt(const std::vector<uint32_t>& oids) { doubts_.insert(oids.begin(), oids.end()); }

  Result<void> NoteSegment(const std::string& name, uint64_t size, Lsn end,
                           const std::string& digest) {
    ++segments_;
    mark_.chain = ChainSegment(mark_.chain, name, size);
    mark_.end = end;
    mark_.digest = digest;
    return index_->Put(index_key::Chain(end), EncodeChain(mark_.chain));
  }

  uint64_t unmarked_bytes() const { return index_->put_bytes() - marked_bytes_; }

  // What was put so far counts, when the next reader opens the index or the next run goes on.
  Result<void> Mark(const Catalog& catalog, const RowWalk* walk) {
    marked_bytes_ = index_->put_bytes();
    mark_.in_era = walk != nullptr;
    if (walk != nullptr) {
      ASSIGN_OR_RETURN(const std::string state, walk->Save());
      TRY(index_->Put(index_key::State(mark_.end), state));
    }
    mark_.snapshots = SnapshotsUpTo(catalog, mark_.end);
    mark_.settled = doubts_.empty() ? std::optional(settled_) : std::nullopt;
    TRY(index_->Put(index_key::kMark, EncodeMark(mark_)));
    return index_->Flush();
  }

 private:
  Result<void> TakeTableEvent(uint32_t oid, const RowEvent& event) {
    Follow(oid, event);
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

  Result<void> PutName(uint32_t oid, const Relation* relation) {
    return index_->Put(index_key::Name(last_, number_), EncodeName(oid, relation));
  }

  void Follow(uint32_t oid, const RowEvent& event) {
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

  HistoryIndex* index_;
  IndexMark mark_;
  std::unordered_map<uint32_t, std::shared_ptr<const TableShape>> shapes_;  // by OID
  std::unordered_set<uint32_t> doubts_;
  Lsn settled_;
  Moment last_;          // of the table event before
  uint32_t number_ = 0;  // of table events at that moment
  uint64_t changes_ = 0;
  uint64_t segments_ = 0;
  uint64_t marked_bytes_ = 0;
};

class IndexMaker {
 public:
  IndexMaker(const Store& store, const Catalog& catalog, const IndexBuildOptions& options)
      : store_(store), catalog_(catalog), options_(options) {}

  Result<IndexedCounts> Run() {
    const std::vector<Era> eras = ErasOf(catalog_);
    if (eras.empty()) {
      return Fail(ErrorKind::kNotFound, "the archive has no base snapshot that changes follow",
                  "let trunklined finish one");
    }
    ASSIGN_OR_RETURN(index_, HistoryIndex::OpenToWrite(options_.folder));
    ASSIGN_OR_RETURN(IndexMark mark, MarkToGoOnFrom(eras));
    const bool anew = !mark.end.valid();
    if (anew) mark.begin = eras.front().begin;
    TRY(BeginWriting(eras.back().until, &mark));
    IndexWriter writer(index_.get(), std::move(mark));
    for (const Era& era : eras) {
      if (era.until > writer.mark().end) TRY(AddEra(era, &writer));
    }
    writer.mutable_mark()->writing_end = Lsn{};
    TRY(index_->Put(index_key::kMark, EncodeMark(writer.mark())));
    TRY(index_->Flush());
    if (anew) TRY(index_->Compact());
    return IndexedCounts{.segments = writer.segments(),
                         .changes = writer.changes(),
                         .end = writer.mark().end,
                         .anew = anew};
  }

 private:
  // The index's own where it is of this archive; else an empty one, for an empty index.
  Result<IndexMark> MarkToGoOnFrom(const std::vector<Era>& eras) {
    ASSIGN_OR_RETURN(const std::optional<std::string> bytes, index_->Get(index_key::kMark));
    if (bytes) {
      Result<IndexMark> mark = DecodeMark(*bytes);
      if (mark) {
        ASSIGN_OR_RETURN(const bool good, IsGood(*mark));
        if (good) return mark;
      }
    }
    const bool empty = !bytes;
    if (!empty) {
      index_.reset();
      TRY(HistoryIndex::Remove(options_.folder));
      ASSIGN_OR_RETURN(index_, HistoryIndex::OpenToWrite(options_.folder));
    }
    IndexMark mark;
    mark.identity_digest = catalog_.identity.Digest();
    mark.begin = eras.front().begin;
    return mark;
  }

  Result<bool> IsGood(const IndexMark& mark) {
    if (mark.end.valid()) {
      ASSIGN_OR_RETURN(const auto mismatch, FindMismatch(store_, catalog_, *index_, mark));
      if (mismatch) return false;
      ASSIGN_OR_RETURN(const auto later, SnapshotsFrom(store_, catalog_, mark.end));
      if (ReachAcross(later, mark.end)) return false;
    } else if (mark.identity_digest != catalog_.identity.Digest()) {
      return false;
    }
    if (!mark.writing_end.valid()) return true;
    // A run that was cut short left records of these segments, which come again.
    ASSIGN_OR_RETURN(const auto chain, ChainUpTo(catalog_, *index_, mark, mark.writing_end));
    return chain == mark.writing_chain;
  }

  Result<void> BeginWriting(Lsn until, IndexMark* mark) {
    mark->writing_end = until;
    ASSIGN_OR_RETURN(const auto chain, ChainUpTo(catalog_, *index_, *mark, until));
    mark->writing_chain = chain.value_or(0);
    TRY(index_->Put(index_key::kMark, EncodeMark(*mark)));
    const auto states = index_->Entries(index_key::StatePrefix());
    for (states->Seek(index_key::StatePrefix()); states->valid(); states->Next()) {
      if (states->key() != index_key::State(mark->end)) {
        TRY(index_->Erase(std::string(states->key())));
      }
    }
    TRY(states->status());
    return index_->Flush();
  }

  Result<void> AddEra(const Era& era, IndexWriter* writer) {
    TRY(PassOver(era.begin, writer));
    const bool resumes = writer->mark().in_era && writer->mark().end > era.begin;
    RowWalk walk(store_, nullptr, writer);
    WalkPlan plan;
    if (resumes) {
      TRY(Resume(writer, &walk));
      ASSIGN_OR_RETURN(plan, PlanRest(store_, catalog_, writer->mark().end, era.until));
    } else {
      ASSIGN_OR_RETURN(plan, PlanWalk(store_, catalog_, era.from, era.until));
      TRY(PassOver(plan.segments.empty() ? era.until : plan.segments.front().begin, writer));
      writer->Begin(plan.from());
    }
    TRY(walk.Run(plan, [&](const SegmentReader& segment, uint64_t done, uint64_t total) {
      return TakeSegment(segment, done, total, walk, writer);
    }));
    return writer->Mark(catalog_, &walk);
  }

  Result<void> TakeSegment(const SegmentReader& segment, uint64_t done, uint64_t total,
                           const RowWalk& walk, IndexWriter* writer) {
    const auto entry = std::find_if(
        catalog_.segments.begin(), catalog_.segments.end(),
        [&](const SegmentEntry& candidate) { return candidate.name == segment.name(); });
    TRY(writer->NoteSegment(segment.name(), entry->size, entry->end, segment.digest()));
    if (options_.progress) options_.progress(done, total);
    const bool due = writer->unmarked_bytes() >= options_.bytes_per_mark && walk.can_save();
    return due ? writer->Mark(catalog_, &walk) : Result<void>();
  }

  // Segments before a snapshot, and gaps, hold nothing to index.
  Result<void> PassOver(Lsn until, IndexWriter* writer) {
    for (const SegmentEntry& segment : catalog_.segments) {
      const Lsn reached = std::max(writer->mark().begin, writer->mark().end);
      if (segment.begin < reached || segment.end > until) continue;
      ASSIGN_OR_RETURN(const auto reader, OpenListed(store_, segment.name));
      TRY(writer->NoteSegment(segment.name, segment.size, segment.end, reader->digest()));
      writer->mutable_mark()->in_era = false;
    }
    return {};
  }

  Result<void> Resume(IndexWriter* writer, RowWalk* walk) {
    const Lsn end = writer->mark().end;
    ASSIGN_OR_RETURN(const std::optional<std::string> state, index_->Get(index_key::State(end)));
    if (!state) {
      return Fail(ErrorKind::kCorrupt, "the index in " + options_.folder + " lacks a record",
                  "remove the folder: trunkline index makes it anew");
    }
    TRY(walk->Resume(*state, end, writer->mark().digest));
    for (const auto& [oid, shape] : walk->Shapes()) writer->Know(oid, shape);
    writer->KnowDoubt(walk->InDoubt());
    return {};
  }

  const Store& store_;
  const Catalog& catalog_;
  const IndexBuildOptions& options_;
  std::unique_ptr<HistoryIndex> index_;
};

}  // namespace

Result<std::optional<std::string>> FindMismatch(const Store& store, const Catalog& catalog,
                                                const HistoryIndex& index, const IndexMark& mark) {
  using Found = std::optional<std::string>;
  if (mark.identity_digest != catalog.identity.Digest()) {
    return Found("it is of another archive");
  }
  ASSIGN_OR_RETURN(const std::optional<uint64_t> chain, ChainUpTo(catalog, index, mark, mark.end));
  if (chain != mark.chain) return Found("other segments are in the archive now");
  const auto last =
      std::find_if(catalog.segments.begin(), catalog.segments.end(),
                   [&](const SegmentEntry& segment) { return segment.end == mark.end; });
  ASSIGN_OR_RETURN(const auto reader, OpenListed(store, last->name));
  if (reader->digest() != mark.digest) return Found("a segment was replaced since");
  // A snapshot that joined later brings something new only where rows were in doubt.
  for (const auto& snapshot : SnapshotsUpTo(catalog, mark.end)) {
    const bool known =
        std::find(mark.snapshots.begin(), mark.snapshots.end(), snapshot) != mark.snapshots.end();
    const bool is_base = snapshot.second == 0;
    if (known || (is_base && mark.settled && *mark.settled <= snapshot.first)) continue;
    return Found("a snapshot of tables that were in doubt joined the archive");
  }
  return Found();
}

Result<IndexedCounts> BuildIndex(const Store& store, const Catalog& catalog,
                                 const IndexBuildOptions& options) {
  return IndexMaker(store, catalog, options).Run();
}

}  // namespace trunkline
