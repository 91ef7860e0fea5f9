// TableCopier: rows of one table, from COPY into parts of a snapshot.
//
// A part is one transaction of inserts: xid 0, commit_lsn == end_lsn == the snapshot's LSN, commit
// time 2000-01-01 00:00:00 UTC. The same rows give the same bytes.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
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

// Pages of a table; `end` 0: to the last one.
struct PageRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  // Of their rows just those that this transaction or a later one wrote.
  std::optional<uint32_t> changed_since = {};

  friend bool operator==(const PageRange&, const PageRange&) = default;
};

// The whole table, or ranges that make it up, for a table of `pages` pages: from page `begin` on.
std::vector<PageRange> SplitPages(uint64_t pages, uint64_t range_pages, uint64_t begin = 0);

class TableCopier {
 public:
  // `next_part` numbers the parts of the table, whoever copies them; it is not owned.
  TableCopier(const Appender* appender, Lsn snapshot, const SegmentOptions& segment_options,
              uint64_t part_max_bytes, const DescribedTable& table, PageRange range,
              std::atomic<uint32_t>* next_part, SnapshotProgress* progress);

  // Copies the range as `connection`'s transaction sees it. Returns the parts published: at least
  // one, also where there is no row. kCancelled when a stop is requested.
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
  const PageRange range_;
  std::atomic<uint32_t>* const next_part_;
  SnapshotProgress* const progress_;

  SegmentWriter writer_;
  std::vector<SnapshotPart> parts_;
  std::vector<Value> tuple_;
  std::vector<std::string> unescaped_;  // one a column, reused
  uint64_t rows_ = 0;
};

// "COPY (SELECT ...) TO STDOUT" of the columns and rows that are published and lie in the range.
std::string CopyCommand(const DescribedTable& table, PageRange range = {});

// Splits a line of COPY's text format into `tuple`, which has one value a column; `unescaped` holds
// what the values borrow that do not lie in the line. kCorrupt when the number of fields differs.
Result<void> ParseCopyLine(std::string_view line, std::vector<Value>* tuple,
                           std::vector<std::string>* unescaped);

}  // namespace trunkline
