// Writes the rows of a table into its file in a data folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/error.h"
#include "replay/pgdata_btree.h"
#include "replay/pgdata_file.h"
#include "replay/pgdata_heap.h"
#include "replay/state.h"

namespace trunkline {

// What an index over one column needs: an entry a row, in the order of the rows.
struct HeapIndex {
  size_t attribute = 0;
  IndexEntries* entries = nullptr;
  bool has_null = false;  // then the entries are of no use
};

// On `workers` threads, in the order of the rows, all of them visible to all, as `xid` wrote them.
// `count` is told of rows by one thread at a time. False where the server had better take a row:
// the file is empty then, and the count taken back.
Result<bool> WriteHeap(const TableState& rows, const HeapFormat& format, uint32_t xid,
                       size_t workers, RelationFile* file, std::span<HeapIndex> indexes,
                       const std::function<void(int64_t rows)>& count);

}  // namespace trunkline
