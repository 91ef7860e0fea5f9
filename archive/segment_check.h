// Checks of one segment's content, beyond what opening it checks.
#pragma once

#include <cstdint>
#include <functional>

#include "archive/segment_reader.h"
#include "base/error.h"

namespace trunkline {

// Called with the bytes of the segment that are done.
using BytesDone = std::function<void(uint64_t bytes)>;

// Decodes every block and recomputes the digest; every transaction must be whole, lie in the
// segment's range and follow the one before in commit order, and the footer's counts be right.
Result<void> CheckChanges(const SegmentReader& reader, const BytesDone& progress);

// The same for a part of a base snapshot: rows of `part`'s relation, as many as it says, and its
// digest.
Result<void> CheckSnapshotPart(const SegmentReader& reader, const SnapshotPart& part,
                               const BytesDone& progress);

// The same for a single table's manifest: no changes, and parts of the one table that its name
// says.
// Also one of a range of pages.
Result<void> CheckTableManifest(const SegmentReader& reader, const BytesDone& progress);

// The same for a manifest or the definition of a snapshot: exactly one definition.
Result<void> CheckManifest(const SegmentReader& reader, const BytesDone& progress);

}  // namespace trunkline
