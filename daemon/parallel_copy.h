// ParallelCopy: copies tables of one snapshot on several connections at once, large ones in ranges
// of their pages. A table counts, by a manifest of its own, as soon as all of it is copied; until
// then the ranges that are can be taken up by another try.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "archive/appender.h"
#include "base/error.h"
#include "daemon/snapshot_readers.h"
#include "daemon/snapshotter.h"
#include "daemon/table_copier.h"

namespace trunkline {

class ParallelCopy {
 public:
  struct Table {
    const DescribedTable* described = nullptr;
    std::vector<PageRange> ranges;
    std::vector<SnapshotPart> kept;  // of pages copied before
    // Where it has several ranges, is told row from row by a key, and lies in pages: what is needed
    // to keep a range, but for its bounds.
    std::optional<CopiedPages> keep_as;
  };

  // Nothing is owned. `what` is copied, for the log.
  ParallelCopy(const SnapshotOptions& options, const Source& source, const Appender* appender,
               std::string what, const std::vector<Table>& tables);

  // The parts of all tables.
  Result<std::vector<SnapshotPart>> Run(SnapshotReaders* readers);

 private:
  struct TableState {
    const DescribedTable* described = nullptr;
    std::atomic<uint32_t> next_part{0};
    size_t ranges_left = 0;
    std::vector<SnapshotPart> parts;
    std::optional<CopiedPages> keep_as;
    std::vector<std::string> kept;  // manifests of ranges
  };
  struct Job {
    TableState* table = nullptr;
    PageRange range;
  };

  void DoJobs(postgres::Connection* connection, Lsn lsn);
  Result<void> Do(const Job& job, postgres::Connection* connection, Lsn lsn);
  Result<void> KeepRange(const Job& job, const std::vector<SnapshotPart>& parts, Lsn lsn);
  void ReportUntilDone();
  void ReportProgress() const;

  const SnapshotOptions& options_;
  const Source& source_;
  const Appender* const appender_;
  const std::string what_;
  std::deque<TableState> tables_;
  std::vector<Job> jobs_;
  SnapshotProgress progress_;
  std::atomic<size_t> next_{0};

  std::mutex mutex_;
  std::condition_variable done_;
  size_t running_ = 0;
  std::vector<SnapshotPart> parts_;
  std::optional<Error> error_;
};

}  // namespace trunkline
