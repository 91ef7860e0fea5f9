// IndexBuilder: makes an archive's index, or brings it up to date.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/index_records.h"
#include "replay/row_event.h"
#include "replay/row_index.h"
#include "replay/row_walk.h"

namespace trunkline {

struct IndexedCounts {
  uint64_t segments = 0;
  uint64_t changes = 0;  // of rows, those of snapshots too
  Lsn end;               // up to where the index covers the archive
  bool anew = false;     // there was none, or none of this archive as it is now
};

struct IndexBuildOptions {
  std::string folder;
  // Bytes of records between two marks, from which a run goes on after a kill: each costs a flush.
  uint64_t bytes_per_mark = 256 << 20;
  // Bytes of segments walked, and to be walked; may be null.
  std::function<void(uint64_t done, uint64_t total)> progress = nullptr;
};

// Walks what the index does not cover yet, in memory that does not depend on the archive. After a
// kill at any point the next call goes on from the last mark. kNotFound where the archive has no
// complete base snapshot; otherwise as HistoryIndex::OpenToWrite.
Result<IndexedCounts> BuildIndex(const Store& store, const Catalog& catalog,
                                 const IndexBuildOptions& options);

// Nothing where the index that `mark` is of covers the archive as it is up to there; else what
// speaks against it. Reads one segment.
Result<std::optional<std::string>> FindMismatch(const Store& store, const Catalog& catalog,
                                                const HistoryIndex& index, const IndexMark& mark);

}  // namespace trunkline
