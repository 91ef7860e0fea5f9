// TableCopier: one table's rows, from COPY into the parts of a base snapshot.
//
// A part is one transaction of inserts: xid 0, commit_lsn == end_lsn == the snapshot's LSN, commit
// time 2000-01-01 00:00:00 UTC. The same rows give the same bytes.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "archive/appender.h"
#include "archive/segment_writer.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/definition_query.h"
#include "postgres/connection.h"

namespace trunkline {

struct SnapshotProgress {
  std::atomic<uint64_t> rows{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> tables{0};
  std::atomic<bool> abandoned{false};  // another table failed: give up soon
};

class TableCopier {
 public:
  TableCopier(const Appender* appender, Lsn snapshot, const SegmentOptions& segment_options,
              uint64_t part_max_bytes, const DescribedTable& table, SnapshotProgress* progress);

  // Copies the table as `connection`'s transaction sees it. Returns the parts published: at least
  // one, also for an empty table. kCancelled when a stop is requested.
  Result<std::vector<SnapshotPart>> Run(postgres::Connection* connection);

 private:
  Result<void> OnLine(std::string_view line);
  Result<void> BeginPart();
  Result<void> EndPart();

  const Appender* const appender_;
  const Lsn snapshot_;
  const SegmentOptions segment_options_;
  const uint64_t part_max_bytes_;
  const DescribedTable& table_;
  SnapshotProgress* const progress_;

  SegmentWriter writer_;
  std::vector<SnapshotPart> parts_;
  std::vector<Value> tuple_;
  std::vector<std::string> unescaped_;  // one a column, reused
  uint64_t rows_ = 0;
};

// "COPY (SELECT ...) TO STDOUT" of the columns and rows that are published.
std::string CopyCommand(const DescribedTable& table);

// Splits a line of COPY's text format into `tuple`, which has one value a column; `unescaped` holds
// what the values borrow that do not lie in the line. kCorrupt when the number of fields differs.
Result<void> ParseCopyLine(std::string_view line, std::vector<Value>* tuple,
                           std::vector<std::string>* unescaped);

}  // namespace trunkline
