// Composes a segment's bytes around its encoded blocks. Grammar: docs/segment_format.md.
#pragma once

#include <memory>
#include <vector>

#include "archive/scratch_buffer.h"
#include "archive/segment_proto.h"
#include "archive/segment_writer.h"

namespace trunkline {

// `blocks` holds the blocks that the footer lists, one after another.
Result<std::unique_ptr<FinishedSegment>> ComposeSegment(
    SegmentHeader header, const std::vector<const Relation*>& relations, ScratchBuffer blocks,
    const SegmentFooter& footer);

}  // namespace trunkline
