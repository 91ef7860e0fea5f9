// Writes a btree index over one column of integers as CREATE INDEX would: sorted leaves, equal keys
// of an index that is not unique in posting lists, and the levels above (nbtree's README; version 4
// of the format, of Postgres 12 to 18).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "replay/huge_pages.h"
#include "replay/pgdata_file.h"
#include "replay/pgdata_page.h"

namespace trunkline {

struct IndexEntry {
  int64_t key = 0;
  RowPlace place;
};
using IndexEntries = std::vector<IndexEntry, HugePageAllocator<IndexEntry>>;

// By key, equal keys by place; takes time in proportion to their number. They come in the order of
// their places.
void SortEntries(IndexEntries* entries);

struct BtreeOptions {
  size_t key_bytes = 8;  // 2, 4 or 8
  bool unique = false;
};

// Into an index that the server has made while its table was empty. `entries` are sorted. False,
// with nothing written, where the server had better make it itself: keys that are to be unique are
// not, or the index has another format.
Result<bool> WriteBtree(const IndexEntries& entries, const BtreeOptions& options,
                        RelationFile* file);

}  // namespace trunkline
