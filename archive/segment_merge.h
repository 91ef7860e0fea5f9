// Merging: several segments written anew as one, which says the same.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "archive/segment_reader.h"
#include "archive/segment_writer.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

// `names` are objects that follow each other, of changes alone and of one timeline and server
// version. Reads every byte of them, and what was written once more, before this returns: what each
// said is what the merged segment says, change by change. In the memory of a writer and a reader.
// The result's bytes follow from the segments and the options. kCorrupt for a segment that is
// damaged or does not follow the one before it; kConflict as OpenListed. `read`, which may be null,
// gets the bytes of each segment read.
Result<std::unique_ptr<FinishedSegment>> MergeSegments(
    const Store& store, std::span<const std::string> names, const SegmentOptions& options,
    const std::function<void(uint64_t bytes)>& read);

// Takes a merged segment apart again, and writes each of those that it stands for as a daemon would
// with these options. Yields the number of those that come out with the digest they had, from the
// first on: all of them prove that nothing was changed since. Fewer prove nothing where another
// build, or other options, wrote them.
Result<size_t> CountReproduced(const SegmentReader& merged, const SegmentOptions& options);

}  // namespace trunkline
