// A block's entry in the footer, from what the block holds.
#pragma once

#include "archive/block_contents.h"
#include "archive/segment.h"

namespace trunkline {

// Everything but offset, size and checksum, which are known once the block is encoded.
BlockStats StatsOf(const BlockContents& contents);

}  // namespace trunkline
