// WalkPlan: which snapshots and segments a walk over a stretch of an archive reads.
#pragma once

#include <cstdint>
#include <vector>

#include "archive/catalog.h"
#include "archive/rebuild_start.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

// What a walk over the transactions of [from, until) reads. `from` is that of the first snapshot.
struct WalkPlan {
  std::vector<TablesAt> snapshots;  // by LSN; the walk begins with the first
  std::vector<SegmentEntry> segments;
  Lsn until;

  Lsn from() const { return snapshots.front().lsn; }
  // When a rebuild as of `from` has the table's rows from: its snapshot there, or the base
  // snapshot, which lacks it.
  Lsn StartOf(uint32_t oid) const;
  // Leaves out what a walk of that table alone does not need.
  void BeginWith(uint32_t oid);
  Lsn start;  // the `from` that was asked for
};

// The rest of a walk that has come to the end of a segment, `end`.
Result<WalkPlan> PlanRest(const Store& store, const Catalog& catalog, Lsn end, Lsn until);

// From the snapshots that the state at `from` begins with. kNotFound where there is no base
// snapshot at or before it; kGap, with bounds, where the archive is not whole up to `until`.
Result<WalkPlan> PlanWalk(const Store& store, const Catalog& catalog, Lsn from, Lsn until);

}  // namespace trunkline
