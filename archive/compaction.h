// Compaction: many small segments of an archive become few large ones, without losing a version or
// changing what any target yields.
//
// A merged segment is published first, and what it stands for is removed after that, by whoever
// comes to it: a crash in between leaves both, which every reader understands (tiling.h). Any
// number of compactors, daemons and readers may be at work; a reader that finds an object gone
// lists again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

struct CompactionOptions {
  Lsn up_to{UINT64_MAX};  // only segments that end here or before
  // About; of a merged segment. Those of half of it and more are left as they are.
  uint64_t target_bytes = 256 << 20;
  std::string scratch_directory = "/tmp";
};

// Segments that follow each other and are to become one.
struct MergeGroup {
  std::vector<SegmentEntry> segments;
  uint64_t bytes = 0;

  Lsn begin() const { return segments.front().begin; }
  Lsn end() const { return segments.back().end; }
};

struct CompactionPlan {
  std::vector<MergeGroup> groups;
  // What earlier ones left behind: another object stands for it already.
  std::vector<SegmentEntry> leftovers;
  std::vector<std::string> covering;  // those that stand for them
  uint64_t bytes = 0;                 // of all groups
};

// The newest segment is never part of a group: a daemon goes on behind it. Nor is a gap, and groups
// are of one timeline and server version. A group begins where a base snapshot's changes do, so
// that retention can cut there. Reads the headers of small segments.
Result<CompactionPlan> PlanCompaction(const Store& store, const Catalog& catalog,
                                      const CompactionOptions& options);

struct CompactionReport {
  uint64_t merged = 0;    // segments made
  uint64_t replaced = 0;  // and those that they stand for
  uint64_t bytes_before = 0;
  uint64_t bytes_after = 0;
  uint64_t leftovers = 0;  // objects of earlier compactions that were removed
  // Merged segments beside which others still stand, since another compactor merged across their
  // ends at the same time: the next compaction mends it.
  uint64_t left_beside = 0;
};

// `progress`, which may be null, gets the bytes of segments merged so far and in all. kConflict
// where others merged or removed what was to be merged: what is done stays done; begin again.
Result<CompactionReport> Compact(
    Store* store, const CompactionPlan& plan, const CompactionOptions& options,
    const std::function<void(uint64_t done, uint64_t total)>& progress);

// Publishes `segment`, which is merged or retained, and removes what it stands for. False where
// that had to stay.
Result<bool> PublishCovering(Store* store, const std::string& name, const ByteSource& segment);
// Removes what the published `name` stands for; likewise. Reads a merged segment as it is in the
// store before that: kCorrupt, and nothing is removed, where it is damaged or not made of just
// these.
Result<bool> RemoveCovered(Store* store, const std::string& name);

}  // namespace trunkline
