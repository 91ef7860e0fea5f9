#include "replay/walk_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace trunkline {

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

}  // namespace trunkline
