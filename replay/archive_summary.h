// ArchiveSummary: what an archive holds, from its listing and the footers of its segments. Decodes
// only the blocks of the first and the last transaction and those with messages.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/catalog.h"
#include "archive/doubt_finder.h"
#include "archive/store.h"
#include "base/error.h"
#include "decoder/change.h"

namespace trunkline {

// Changes of rows; a table truncated counts one.
struct TableCounts {
  uint64_t snapshot_rows = 0;  // of the newest complete snapshot
  uint64_t inserts = 0;
  uint64_t updates = 0;
  uint64_t deletes = 0;
  uint64_t truncates = 0;
};

struct GapSummary {
  Lsn begin;
  Lsn end;
  std::string reason;
};

// A transactional logical message with the prefix "trunkline.restore_point".
struct RestorePoint {
  std::string name;
  TransactionInfo transaction;  // without its end LSN
};

struct ArchiveSummary {
  Catalog catalog;
  uint64_t bytes = 0;
  uint64_t segment_bytes = 0;
  uint64_t snapshot_bytes = 0;
  Lsn begin;  // of the first segment
  uint64_t transactions = 0;
  uint64_t changes = 0;
  std::optional<TransactionInfo> first;  // without their end LSN
  std::optional<TransactionInfo> last;
  std::map<std::pair<std::string, std::string>, TableCounts> tables;  // by schema and name
  std::vector<GapSummary> gaps;
  std::vector<DoubtInterval> doubts;  // where a table's rows cannot be told, or may not be
  std::vector<RestorePoint> restore_points;
};

// `progress`, which may be null, gets the bytes of the segments looked at so far and in all.
Result<ArchiveSummary> SummarizeArchive(
    const Store& store, const std::function<void(uint64_t done, uint64_t total)>& progress);

}  // namespace trunkline
