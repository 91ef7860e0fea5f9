#include "tests/crash/layout.h"

#include <algorithm>

#include "tests/support/files.h"

namespace trunkline::crash {
namespace {

Catalog CatalogIn(const std::string& folder) {
  std::vector<ObjectInfo> objects;
  for (const std::string& name : test::FilesBelow(folder)) objects.push_back({name, 0});
  return CatalogOf(std::move(objects));
}

}  // namespace

Layout::Layout(const std::string& folder) : catalog_(CatalogIn(folder)) {
  bool joins = false;
  for (const SegmentEntry& segment : catalog_.segments) {
    if (segment.gap) {
      gaps_.push_back({segment.begin, segment.end});
    } else if (joins && stretches_.back().end == segment.begin) {
      stretches_.back().end = segment.end;
    } else {
      stretches_.push_back({segment.begin, segment.end});
    }
    joins = !segment.gap;
  }
}

Lsn Layout::end() const {
  Lsn end;
  for (const SegmentEntry& segment : catalog_.segments) end = std::max(end, segment.end);
  return end;
}

std::optional<Lsn> Layout::first_snapshot() const {
  for (const SnapshotEntry& snapshot : catalog_.snapshots) {
    const bool in_gap = std::any_of(gaps_.begin(), gaps_.end(), [&](const Stretch& gap) {
      return gap.begin < snapshot.lsn && snapshot.lsn < gap.end;
    });
    if (snapshot.complete && !in_gap) return snapshot.lsn;
  }
  return std::nullopt;
}

bool Layout::Reaches(Lsn target) const {
  const SnapshotEntry* snapshot = catalog_.SnapshotAtOrBefore(target);
  if (snapshot == nullptr) return false;
  if (snapshot->lsn == target) return true;
  return std::none_of(gaps_.begin(), gaps_.end(), [&](const Stretch& gap) {
    return gap.begin < target && gap.end > snapshot->lsn;
  });
}

}  // namespace trunkline::crash
