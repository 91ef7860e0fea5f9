// Catalog, as far as it is asked what leads where.
#include <algorithm>

#include "archive/catalog.h"

namespace trunkline {
namespace {

std::string Bounds(Lsn begin, Lsn end) { return begin.ToString() + " to " + end.ToString(); }

tl::unexpected<Error> Missing(Lsn begin, Lsn end) {
  return Fail(ErrorKind::kGap, "the archive has no segment for " + Bounds(begin, end),
              "restore the missing segment from a copy, or choose a target outside this range");
}

}  // namespace

Lsn Catalog::end() const {
  Lsn end;
  for (const SegmentEntry& segment : segments) end = std::max(end, segment.end);
  for (const SnapshotEntry& snapshot : snapshots) {
    if (snapshot.complete) end = std::max(end, snapshot.lsn);
  }
  return end;
}

Lsn Catalog::unbroken_from() const {
  if (segments.empty()) return Lsn();
  Lsn from = segments.front().begin;
  for (const SegmentEntry& segment : segments) {
    if (segment.gap) from = std::max(from, segment.end);
  }
  return from;
}

const SnapshotEntry* Catalog::SnapshotAtOrBefore(Lsn lsn) const {
  const SnapshotEntry* newest = nullptr;
  for (const SnapshotEntry& snapshot : snapshots) {
    if (snapshot.complete && snapshot.lsn <= lsn) newest = &snapshot;
  }
  return newest;
}

Result<std::vector<SegmentEntry>> SegmentsBetween(const Catalog& catalog, Lsn from, Lsn to) {
  std::vector<SegmentEntry> path;
  if (to <= from) return path;
  if (catalog.retained && from < catalog.retained->end) {
    const std::string first = catalog.retained->end.ToString();
    return Fail(ErrorKind::kNotFound, "what was archived before " + first + " was removed",
                "trunkline retain did so; choose a target from lsn:" + first + " on");
  }
  Lsn reached = from;
  for (const SegmentEntry& segment : catalog.segments) {
    if (segment.end <= from || segment.begin >= to) continue;
    if (segment.begin > reached) return Missing(reached, segment.begin);
    if (!path.empty() && segment.begin < path.back().end) {
      return Fail(ErrorKind::kCorrupt,
                  "the segments " + path.back().name + " and " + segment.name + " overlap",
                  "two daemons may have written here; run trunkline verify");
    }
    if (segment.gap) {
      return Fail(ErrorKind::kGap,
                  "the source lost its changes for " + Bounds(segment.begin, segment.end),
                  "choose a target outside this range");
    }
    path.push_back(segment);
    reached = segment.end;
  }
  if (reached < to) return Missing(reached, to);
  return path;
}

}  // namespace trunkline
