// DecodeBlock: the changes of a block, from bytes that may be anything.
#pragma once

#include <span>

#include "archive/decoded_block.h"
#include "base/error.h"
#include "decoder/relation.h"

namespace trunkline {

// Decodes storage->encoded. The changes point into `relations` and `storage`.
Result<void> DecodeBlock(std::span<const Relation> relations, BlockForm form,
                         DecodedBlock::Storage* storage);

}  // namespace trunkline
