// SupersededRows: rows in a segment that a TRUNCATE later in it takes.
#pragma once

#include <cstdint>
#include <vector>

#include "archive/segment_reader.h"
#include "base/lsn.h"

namespace trunkline {

// Told by the footer alone, from the transactions with from <= commit_lsn < limit. Where a message
// comes between, which may tell how the rows of a table are to be understood, or the segment
// describes the table in two ways, who folds has to see its rows.
class SupersededRows {
 public:
  SupersededRows() = default;  // none
  SupersededRows(const SegmentReader& reader, Lsn from, Lsn limit);

  bool none() const { return extents_.empty(); }
  // All that the block has of the relation.
  bool Whole(size_t block, uint32_t relation_index) const {
    return ExtentOf(block, relation_index) == Extent::kWhole;
  }
  // What the block has of it in front of the last TRUNCATE of it in the block.
  bool UpToTruncate(size_t block, uint32_t relation_index) const {
    return ExtentOf(block, relation_index) == Extent::kUpToTruncate;
  }

 private:
  enum class Extent : uint8_t { kNone, kUpToTruncate, kWhole };

  Extent ExtentOf(size_t block, uint32_t relation_index) const {
    return none() ? Extent::kNone : extents_[block * relations_ + relation_index];
  }

  size_t relations_ = 0;
  std::vector<Extent> extents_;  // one a relation for each block
};

}  // namespace trunkline
