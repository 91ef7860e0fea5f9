// Texts in a block: their lengths as integers, their bytes one after another.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "archive/block_stream.h"
#include "archive/int_codec.h"
#include "base/error.h"

namespace trunkline {

// The decoder must know how many there are.
void EncodeTexts(std::span<const std::string_view> texts, StreamWriter* out);

// Estimated bits that EncodeTexts would take, from a sample.
double EstimateTexts(std::span<const std::string_view> texts, StreamWriter* out);

// The texts live as long as the arena or the block that `in` reads.
Result<void> DecodeTexts(StreamReader* in, size_t count, IntScratch* scratch,
                         std::vector<std::string_view>* texts);

}  // namespace trunkline
