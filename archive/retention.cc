#include "archive/retention.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "archive/compaction.h"
#include "archive/listed_segment.h"
#include "archive/manifest.h"
#include "archive/segment_writer.h"
#include "base/fault.h"

namespace trunkline {
namespace {

// So often at most what others have put into a folder is removed again.
constexpr int kSweeps = 3;

void AddFoldersOf(const std::vector<SnapshotPart>& parts, std::set<Lsn>* folders) {
  for (const SnapshotPart& part : parts) {
    if (const auto lsn = SnapshotLsnOf(part.name)) folders->insert(*lsn);
  }
}

// The folders of snapshots that those from `base` on are made of. A manifest lists parts of its own
// folder and of earlier ones.
Result<std::set<Lsn>> NeededFolders(const Store& store, const Catalog& catalog, Lsn base) {
  std::set<Lsn> needed{base};
  for (auto snapshot = catalog.snapshots.rbegin(); snapshot != catalog.snapshots.rend();
       ++snapshot) {
    if (snapshot->lsn >= base) needed.insert(snapshot->lsn);
    if (!needed.contains(snapshot->lsn)) continue;
    if (snapshot->complete) {
      ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(store, snapshot->lsn));
      AddFoldersOf(manifest.parts, &needed);
    }
    for (const ObjectInfo& table : snapshot->tables) {
      ASSIGN_OR_RETURN(const SegmentHeader header, ReadTableManifest(store, table.name));
      AddFoldersOf(header.parts, &needed);
    }
  }
  return needed;
}

// The segment with the changes right after `lsn`, or the newest one.
const SegmentEntry* FirstKept(const Catalog& catalog, Lsn lsn) {
  if (catalog.segments.empty()) return nullptr;
  for (const SegmentEntry& segment : catalog.segments) {
    if (segment.end > lsn) return &segment;
  }
  return &catalog.segments.back();
}

bool IsComplete(const Catalog& catalog, Lsn lsn) {
  const SnapshotEntry* snapshot = catalog.SnapshotAtOrBefore(lsn);
  return snapshot != nullptr && snapshot->lsn == lsn;
}

Result<Timestamp> LastCommitIn(const SegmentReader& reader, size_t index) {
  DecodedBlock block;
  TRY(reader.ReadBlock(index, &block));
  Timestamp last;
  for (const TransactionSlice& slice : block.slices()) {
    if (slice.info.xid.valid()) last = slice.info.commit_time;
  }
  return last;
}

// Of what is before `begin`, also of what was removed earlier.
Result<RemovedHistory> HistoryBefore(const Store& store, const Catalog& catalog, Lsn begin) {
  RemovedHistory history;
  if (catalog.retained) {
    ASSIGN_OR_RETURN(const auto earlier, OpenListed(store, catalog.retained->name));
    history = earlier->header().removed.value_or(RemovedHistory{});
  }
  std::unique_ptr<SegmentReader> newest;  // with a transaction
  size_t newest_block = 0;
  for (const SegmentEntry& segment : catalog.segments) {
    if (segment.end > begin) break;
    if (segment.gap) history.ends_with_gap = true;
    if (segment.gap) continue;
    ASSIGN_OR_RETURN(std::unique_ptr<SegmentReader> reader, OpenListed(store, segment.name));
    std::optional<size_t> last_block;
    for (size_t index = 0; index < reader->blocks().size(); ++index) {
      const Timestamp latest = reader->blocks()[index].commit_time_max;
      if (latest == Timestamp{}) continue;  // messages outside of transactions alone
      if (!history.commits) history.commits = {latest, latest};
      history.commits->latest = std::max(history.commits->latest, latest);
      last_block = index;
    }
    if (!last_block) continue;
    history.ends_with_gap = false;
    newest = std::move(reader);
    newest_block = *last_block;
  }
  if (newest == nullptr) return history;
  ASSIGN_OR_RETURN(history.commits->last, LastCommitIn(*newest, newest_block));
  return history;
}

Result<std::unique_ptr<FinishedSegment>> RetainedSegment(const Store& store, const Catalog& catalog,
                                                         const SegmentEntry& first) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store, first.name));
  SegmentHeader header = reader->header();
  if (header.previous_digest.size() != kDigestBytes) {
    return Fail(ErrorKind::kCorrupt, first.name + " names no segment before it",
                "trunkline verify finds all damage");
  }
  header.kind = SegmentKind::kRetained;
  header.begin = catalog.retained ? catalog.retained->begin : catalog.segments.front().begin;
  header.end = first.begin;
  header.replaced = {{first.begin, std::exchange(header.previous_digest, {})}};
  header.gap_reason.clear();
  ASSIGN_OR_RETURN(header.removed, HistoryBefore(store, catalog, first.begin));
  return SegmentWriter{SegmentOptions{}}.Finish(std::move(header));
}

// Whether history goes on behind the retained segment `name`, so that it counts. One that nothing
// leads on from, since what followed it was merged, stands for nothing and never will: it is taken
// back, since it would only be in the way of those that merge.
Result<bool> Stands(Store* store, const std::string& name) {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store->List(kSegmentPrefix));
  const Catalog now = CatalogOf(std::move(objects));
  const Catalog alone = CatalogOf({{name, 0}});
  if (now.retained && now.retained->end >= alone.retained->end) return true;
  TRY(store->Remove({&name, 1}));
  return false;
}

// What retentions left that were killed before they could take it back.
Result<void> WithdrawDead(Store* store, const Catalog& catalog) {
  for (const SegmentEntry& entry : catalog.superseded) {
    if (entry.retained) TRY(Stands(store, entry.name));
  }
  return {};
}

// The retained segment that is there names the digest that the first segment kept was written
// after.
Result<void> CheckLeadsOn(const Store& store, const Catalog& catalog) {
  if (catalog.segments.empty()) return {};
  ASSIGN_OR_RETURN(const auto retained, OpenListed(store, catalog.retained->name));
  ASSIGN_OR_RETURN(const auto first, OpenListed(store, catalog.segments.front().name));
  if (first->header().previous_digest == retained->chain_digest()) return {};
  return Fail(ErrorKind::kCorrupt, first->name() + " does not follow " + retained->name(),
              "trunkline verify finds all damage");
}

Result<void> RemoveObjects(Store* store, const std::vector<ObjectInfo>& objects) {
  std::vector<std::string> names;
  for (const ObjectInfo& object : objects) names.push_back(object.name);
  return names.empty() ? Result<void>() : store->Remove(names);
}

// What others have put into the folders meanwhile goes as well: they find parts missing that they
// wrote before, or their manifest is seen here.
Result<void> SweepFolders(Store* store, const std::vector<Lsn>& folders) {
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store->List(kSnapshotsPrefix));
    std::vector<SnapshotEntry> left;
    for (SnapshotEntry& snapshot : CatalogOf(std::move(objects)).snapshots) {
      const bool removed = std::find(folders.begin(), folders.end(), snapshot.lsn) != folders.end();
      if (removed) left.push_back(std::move(snapshot));
    }
    if (left.empty()) return {};
    TRY(RemoveObjects(store, InOrderOfRemoval(left)));
  }
  return {};
}

}  // namespace

Result<RetentionPlan> PlanRetention(const Store& store, const Catalog& catalog, Lsn keep_from) {
  // One past the segments shows what a failover may take back, and is removed then.
  const Lsn archived = catalog.segments.empty() ? keep_from : catalog.segments.back().end;
  const Lsn oldest = FAULT_VALUE("retention.base", std::min(keep_from, archived), archived);
  const SnapshotEntry* base = catalog.SnapshotAtOrBefore(oldest);
  if (base == nullptr) {
    return Fail(ErrorKind::kNotFound,
                "the archive has no base snapshot at or before lsn:" + keep_from.ToString() +
                    ", so that nothing can be removed",
                "trunkline snapshot makes one");
  }
  RetentionPlan plan;
  plan.base = base->lsn;
  ASSIGN_OR_RETURN(plan.catalog, LoadCatalog(store));
  const Catalog& now = plan.catalog;
  if (!IsComplete(now, plan.base)) {
    return Fail(ErrorKind::kConflict,
                "the base snapshot at " + plan.base.ToString() + " was removed meanwhile",
                std::string(kListAgainHint));
  }
  ASSIGN_OR_RETURN(const std::set<Lsn> needed, NeededFolders(store, now, plan.base));
  const SegmentEntry* first = FirstKept(now, *needed.begin());
  if (first != nullptr) plan.begin = first->begin;
  if (plan.begin > *needed.begin()) {
    return Fail(ErrorKind::kGap,
                "the archive has no segment for " + needed.begin()->ToString() + " to " +
                    plan.begin.ToString() + ", which is to be kept",
                "trunkline verify finds all damage");
  }
  std::vector<SnapshotEntry> removed;
  for (const SnapshotEntry& snapshot : now.snapshots) {
    if (needed.contains(snapshot.lsn)) continue;
    if (snapshot.complete) plan.snapshots.push_back(snapshot.lsn);
    plan.folders.push_back(snapshot.lsn);
    removed.push_back(snapshot);
  }
  plan.snapshot_objects = InOrderOfRemoval(removed);
  const auto& dead = now.superseded_snapshots;
  plan.snapshot_objects.insert(plan.snapshot_objects.end(), dead.begin(), dead.end());
  for (const SegmentEntry& entry : now.superseded) {
    if (entry.end <= plan.begin) plan.segments.push_back({entry.name, entry.size});
  }
  for (const SegmentEntry& entry : now.segments) {
    if (entry.end <= plan.begin) plan.segments.push_back({entry.name, entry.size});
  }
  if (now.retained && now.retained->end < plan.begin) {
    plan.segments.push_back({now.retained->name, now.retained->size});
  }
  for (const ObjectInfo& object : plan.snapshot_objects) plan.bytes += object.size;
  for (const ObjectInfo& object : plan.segments) plan.bytes += object.size;
  return plan;
}

Result<void> Retain(Store* store, const RetentionPlan& plan) {
  const Catalog& catalog = plan.catalog;
  TRY(WithdrawDead(store, catalog));
  const SegmentEntry* first = nullptr;
  for (const SegmentEntry& entry : catalog.segments) {
    if (entry.begin == plan.begin) first = &entry;
  }
  const bool at_front = first == nullptr || first == &catalog.segments.front();
  // Only leftovers of an earlier retention are before it.
  std::string covering = at_front && catalog.retained ? catalog.retained->name : "";
  bool removed = true;
  if (!at_front) {
    ASSIGN_OR_RETURN(const std::unique_ptr<FinishedSegment> retained,
                     RetainedSegment(*store, catalog, *first));
    const SegmentHeader& header = retained->header();
    covering = RetainedObjectName(header.begin, header.end);
    ASSIGN_OR_RETURN(removed, PublishCovering(store, covering, *retained));
  } else if (!covering.empty()) {
    TRY(CheckLeadsOn(*store, catalog));
    ASSIGN_OR_RETURN(removed, RemoveCovered(store, covering));
  }
  if (!removed) {
    ASSIGN_OR_RETURN(const bool stands, Stands(store, covering));
    if (!stands) {
      return Fail(ErrorKind::kConflict,
                  "segments were merged across " + plan.begin.ToString() + " meanwhile",
                  std::string(kListAgainHint));
    }
  }
  FAULT("retention.snapshots");
  TRY(RemoveObjects(store, plan.snapshot_objects));
  return plan.folders.empty() ? Result<void>() : SweepFolders(store, plan.folders);
}

}  // namespace trunkline
