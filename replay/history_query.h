// The history of a row, read from an archive.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/history.h"
#include "replay/row_walk.h"

namespace trunkline {

class IndexReader;

// The transactions with from <= commit LSN < until.
struct HistoryRequest {
  std::string table;  // "table" or "schema.table"
  std::string key;    // a CSV line
  Lsn from;
  Lsn until;
  // Bytes of the archive looked through so far and in all; may be null.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

struct HistoryAnswer {
  std::shared_ptr<const TableShape> table;  // at the end of the range, or when it was last there
  std::string key;                          // as EncodeKey makes it
  std::vector<RowLife> lives;               // as RowHistory::TakeLives yields them
  std::vector<TableDoubt> doubts;           // of the table, in the range
  WalkCounts counts;                        // of the archive
  bool by_index = false;                    // the archive was read behind the index alone
};

// The first LSN whose state can be rebuilt; kNotFound where there is none.
Result<Lsn> FirstStateOf(const Catalog& catalog);

// `index` may be null; what it has need not be read, and changes nothing of the answer. kNotFound
// for a table that the archive does not know in the range, and kInvalidArgument where several fit;
// a key that is not the table's as from ParseRowKey; kGap, with bounds, where the archive is not
// whole; kUnsupported where the key of the table came to be another one.
Result<HistoryAnswer> ReadHistory(const Store& store, const Catalog& catalog,
                                  const HistoryRequest& request, const IndexReader* index);

}  // namespace trunkline
