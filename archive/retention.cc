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
  return SegmentWriter{SegmentOptions{}}.Finish(std::move(header));
}

}  // namespace

Result<RetentionPlan> PlanRetention(const Store& store, const Catalog& catalog, Lsn keep_from) {
  const SnapshotEntry* base = catalog.SnapshotAtOrBefore(keep_from);
  if (base == nullptr) {
    return Fail(ErrorKind::kNotFound,
                "the archive has no base snapshot at or before lsn:" + keep_from.ToString() +
                    ", so that nothing can be removed",
                "trunkline snapshot makes one");
  }
  ASSIGN_OR_RETURN(const std::set<Lsn> needed, NeededFolders(store, catalog, base->lsn));
  RetentionPlan plan;
  plan.base = base->lsn;
  const SegmentEntry* first = FirstKept(catalog, *needed.begin());
  if (first != nullptr) plan.begin = first->begin;
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (needed.contains(snapshot.lsn)) continue;
    if (snapshot.complete) plan.snapshots.push_back(snapshot.lsn);
    const std::vector<ObjectInfo> objects = snapshot.Objects();
    plan.snapshot_objects.insert(plan.snapshot_objects.end(), objects.begin(), objects.end());
  }
  const auto& dead = catalog.superseded_snapshots;
  plan.snapshot_objects.insert(plan.snapshot_objects.end(), dead.begin(), dead.end());
  for (const SegmentEntry& entry : catalog.superseded) {
    if (entry.end <= plan.begin) plan.segments.push_back({entry.name, entry.size});
  }
  for (const SegmentEntry& entry : catalog.segments) {
    if (entry.end <= plan.begin) plan.segments.push_back({entry.name, entry.size});
  }
  if (catalog.retained && catalog.retained->end < plan.begin) {
    plan.segments.push_back({catalog.retained->name, catalog.retained->size});
  }
  for (const ObjectInfo& object : plan.snapshot_objects) plan.bytes += object.size;
  for (const ObjectInfo& object : plan.segments) plan.bytes += object.size;
  return plan;
}

Result<void> Retain(Store* store, const Catalog& catalog, const RetentionPlan& plan) {
  const SegmentEntry* first = nullptr;
  for (const SegmentEntry& entry : catalog.segments) {
    if (entry.begin == plan.begin) first = &entry;
  }
  const bool at_front = first == nullptr || first == &catalog.segments.front();
  // Only leftovers of an earlier retention are before it.
  const SegmentEntry* covering = at_front && catalog.retained ? &*catalog.retained : nullptr;
  bool removed = true;
  if (!at_front) {
    ASSIGN_OR_RETURN(const std::unique_ptr<FinishedSegment> retained,
                     RetainedSegment(*store, catalog, *first));
    const SegmentHeader& header = retained->header();
    ASSIGN_OR_RETURN(
        removed, PublishCovering(store, RetainedObjectName(header.begin, header.end), *retained));
  } else if (covering != nullptr) {
    ASSIGN_OR_RETURN(removed, RemoveCovered(store, covering->name));
  }
  if (!removed) {
    return Fail(ErrorKind::kConflict,
                "segments were merged across " + plan.begin.ToString() + " meanwhile",
                "run it again: it begins with what is there now");
  }
  FAULT("retention.snapshots");
  std::vector<std::string> names;
  for (const ObjectInfo& object : plan.snapshot_objects) names.push_back(object.name);
  return names.empty() ? Result<void>() : store->Remove(names);
}

}  // namespace trunkline
