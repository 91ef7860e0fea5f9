// The rows of one relation in a block, encoded.
#pragma once

#include "archive/block_contents.h"
#include "archive/block_stream.h"
#include "archive/int_codec.h"

namespace trunkline {

void EncodeRows(const BlockContents& contents, const RelationRows& rows, TransactionClock* clock,
                StreamWriter* out);

}  // namespace trunkline
