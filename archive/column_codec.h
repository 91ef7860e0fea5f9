// One column's values in a block: the state of each, and the text of each in the encoding that
// suits them. Grammar: docs/segment_format.md, "Columns".
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "archive/block_arena.h"
#include "archive/block_stream.h"
#include "archive/cell.h"
#include "archive/int_codec.h"
#include "base/error.h"
#include "decoder/change.h"

namespace trunkline {

// `context` says which transaction each value belongs to. The decoder must know how many there are.
void EncodeColumn(std::span<const Value> values, const IntContext& context, StreamWriter* out);

class ColumnDecoder {
 public:
  // What it decodes lives as long as the arena or the block that `in` reads.
  ColumnDecoder(BlockArena* arena, StreamReader* in) : arena_(arena), in_(in) {}

  Result<void> Decode(size_t count, const IntContext& context, std::vector<Cell>* cells);
  Result<void> DecodeInts(size_t count, std::vector<int64_t>* values);
  Result<void> DecodeTexts(size_t count, std::vector<std::string_view>* texts);

 private:
  Result<void> DecodeTyped(size_t count, const IntContext& context, std::vector<Cell>* cells);
  Result<void> DecodePayload(ValueShape shape, size_t count, const IntContext& context,
                             std::vector<Cell>* cells);
  Result<void> DecodeUuids(size_t count, std::vector<Cell>* cells);

  BlockArena* arena_;
  StreamReader* in_;
  IntScratch scratch_;
  std::vector<int64_t> ints_;
  std::vector<int64_t> indexes_;
  std::vector<uint32_t> typed_slices_;
  std::vector<Cell> entries_;
  std::vector<Cell> typed_;
  std::vector<std::string_view> texts_;
  std::vector<std::string_view> verbatim_;
  std::vector<uint8_t> states_;
};

}  // namespace trunkline
