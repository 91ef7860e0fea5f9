// EncodeBlock: the bytes of a block. Grammar: docs/segment_format.md, "Blocks".
#pragma once

#include <string>

#include "archive/block_contents.h"
#include "archive/block_stream.h"

namespace trunkline {

// Appends the block to `out`. Not for contents without a slice.
void EncodeBlock(const BlockContents& contents, StreamWriter* stream, std::string* out);

}  // namespace trunkline
