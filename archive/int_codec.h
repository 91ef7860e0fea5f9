// Integers in a block: a transform that makes them small, then byte planes or a table of symbols.
// Grammar: docs/segment_format.md, "Integers".
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "archive/block_stream.h"
#include "archive/int_transform.h"
#include "base/error.h"

namespace trunkline {

// The decoder must know how many there are.
void EncodeInts(std::span<const int64_t> values, const IntContext& context, StreamWriter* out);

// Estimated bits that EncodeInts would take, from a sample.
double EstimateInts(std::span<const int64_t> values, const IntContext& context);

// Memory that the decoder uses again and again.
struct IntScratch {
  std::vector<uint8_t> symbols;
  std::vector<uint64_t> codes;
  std::vector<int64_t> lengths;
};
Result<void> DecodeInts(StreamReader* in, size_t count, const IntContext& context,
                        IntScratch* scratch, std::vector<int64_t>* values);

}  // namespace trunkline
