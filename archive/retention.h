// Retention: what an archive may do without where no target before some instant is wanted any more.
//
// A retained segment takes the place of what was removed at the front, and carries on the chain of
// digests: so removal on purpose is told from loss. It is published first; a crash after that
// leaves objects that nobody uses, and the next retention removes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

struct RetentionPlan {
  Catalog catalog;  // that it is made for
  Lsn base;         // the base snapshot that the oldest target kept is rebuilt from
  Lsn begin;        // of the first segment kept
  // To be removed, in this order.
  std::vector<ObjectInfo> snapshot_objects;
  std::vector<ObjectInfo> segments;
  std::vector<Lsn> folders;    // of snapshots that are removed as a whole
  std::vector<Lsn> snapshots;  // complete base snapshots among them
  uint64_t bytes = 0;          // of all objects

  size_t objects() const { return snapshot_objects.size() + segments.size(); }
};

// What no target from `keep_from` on needs. Kept are the newest complete base snapshot at or before
// it, everything after that, and what their manifests list of earlier folders, with the changes
// from there on; always the newest segment, which a daemon goes on behind, and no base snapshot
// past it replaces an older one. kNotFound when no base snapshot is at or before `keep_from`:
// nothing can be removed then. kGap when changes that are to be kept are missing.
//
// Lists once more after `catalog`: whoever completes a snapshot out of parts in folders before that
// base snapshot either is seen then, or sees the base snapshot himself (Appender).
Result<RetentionPlan> PlanRetention(const Store& store, const Catalog& catalog, Lsn keep_from);

// kConflict where segments were merged across `plan.begin` meanwhile, or others removed what was to
// be removed: plan again.
Result<void> Retain(Store* store, const RetentionPlan& plan);

}  // namespace trunkline
