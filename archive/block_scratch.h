// BlockScratch: what decoding a block takes beside its result, kept from one block to the next:
// allocating it anew, and the pages that the kernel then clears, would cost as much as decoding.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "archive/block_stream.h"
#include "archive/column_codec.h"
#include "archive/row_decoder.h"

namespace trunkline {

struct BlockScratch {
  // `arena` holds what is decoded, and must outlive this.
  explicit BlockScratch(BlockArena* arena)
      : zstd(NewDecompressor()), in(arena, zstd.get()), columns(arena, &in), rows(&in, &columns) {}
  BlockScratch(const BlockScratch&) = delete;
  BlockScratch& operator=(const BlockScratch&) = delete;

  std::unique_ptr<ZSTD_DCtx_s, ZstdDeleter> zstd;
  StreamReader in;
  ColumnDecoder columns;
  RowDecoder rows;

  std::vector<int64_t> ints;
  std::vector<Cell> cells;
  std::vector<std::string_view> texts;
  std::vector<uint32_t> rows_of_change;  // into images
  std::vector<ImageList> images;         // of this block's relations, the first ones
  std::vector<size_t> truncates;         // the changes that are
  std::vector<size_t> messages;
};

}  // namespace trunkline
