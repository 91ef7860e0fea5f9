// DecodedBlock's memory, which the decoder fills and keeps from one block to the next.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/block_arena.h"
#include "archive/segment_reader.h"

namespace trunkline {

struct BlockScratch;

struct DecodedBlock::Storage {
  Storage();
  ~Storage();

  std::string encoded;  // values may lie in it
  BlockArena arena;
  std::vector<TransactionSlice> slices;
  std::vector<Change> changes;
  std::vector<CellRows> rows;
  std::vector<Cell> cells;    // of rows
  std::vector<Value> values;  // of tuples, one after another
  std::vector<const Relation*> truncated;
  uint64_t raw_bytes = 0;
  bool has_messages = false;
  std::unique_ptr<BlockScratch> scratch;  // the decoder's
};

}  // namespace trunkline
