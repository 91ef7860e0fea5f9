// Tiling: which of the objects in changes/ are the archive's history, where some stand for others.
//
// A merged segment stands for the segments of its range, a retained one for those that retention
// removed. Both are published before what they stand for is removed, so that a crash, or a listing
// in between, finds both. From names alone.
#pragma once

#include <vector>

#include "archive/catalog.h"

namespace trunkline {

struct Tiling {
  // By begin, then end. Each begins where the one before ends, but for holes and for overlaps that
  // no merged or retained segment explains: both are damage.
  std::vector<SegmentEntry> chosen;
  std::vector<SegmentEntry> superseded;  // what those stand for, or have no need of
};

Tiling ChooseTiling(std::vector<SegmentEntry> entries);

// Of entries that are all there at one time, those that may be removed because `covering`, a merged
// or retained one of them, stands for them. None where another one lies across one of its ends:
// then whoever published that one may rely on what is to be removed. None either where a wider one
// stands for `covering` itself.
//
// Of two that lie across each other, the one that was published second is seen by everybody who
// lists after that, so that no two removals can ever leave a hole. Nothing that others rely on goes
// for less than a wider one.
struct Removable {
  std::vector<SegmentEntry> entries;
  const SegmentEntry* across = nullptr;  // of those given
};
Removable RemovableFor(const SegmentEntry& covering, const std::vector<SegmentEntry>& entries);

}  // namespace trunkline
