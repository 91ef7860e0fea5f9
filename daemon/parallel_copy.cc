#include "daemon/parallel_copy.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

namespace trunkline {
namespace {

constexpr std::chrono::seconds kCopyProgressInterval{5};

}  // namespace

ParallelCopy::ParallelCopy(const SnapshotOptions& options, const Source& source,
                           const Appender* appender, std::string what,
                           const std::vector<Table>& tables)
    : options_(options), source_(source), appender_(appender), what_(std::move(what)) {
  for (const Table& table : tables) {
    TableState& state = tables_.emplace_back();
    state.described = table.described;
    state.ranges_left = table.ranges.size();
    state.parts = table.kept;
    state.keep_as = table.keep_as;
    for (const PageRange& range : table.ranges) jobs_.push_back({&state, range});
  }
}

Result<std::vector<SnapshotPart>> ParallelCopy::Run(SnapshotReaders* readers) {
  running_ = readers->size();
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < readers->size(); ++i) {
      threads.emplace_back(
          [this, connection = &readers->at(i), lsn = readers->lsn()] { DoJobs(connection, lsn); });
    }
    ReportUntilDone();
  }
  if (error_.has_value()) return Fail(*std::move(error_));
  uint64_t rows = 0;
  for (const SnapshotPart& part : parts_) rows += part.rows;
  spdlog::info("{}: {} rows of {} tables", what_, rows, tables_.size());
  return std::move(parts_);
}

void ParallelCopy::DoJobs(postgres::Connection* connection, Lsn lsn) {
  for (size_t i = next_++; i < jobs_.size() && !progress_.abandoned; i = next_++) {
    Result<void> done = Do(jobs_[i], connection, lsn);
    if (done) continue;
    progress_.abandoned = true;
    const std::scoped_lock lock(mutex_);
    if (!error_.has_value()) error_ = std::move(done).error();
  }
  const std::scoped_lock lock(mutex_);
  --running_;
  done_.notify_all();
}

Result<void> ParallelCopy::Do(const Job& job, postgres::Connection* connection, Lsn lsn) {
  TableState& table = *job.table;
  TableCopier copier(appender_, lsn, options_.segment, options_.part_max_bytes, *table.described,
                     job.range, &table.next_part, &progress_);
  ASSIGN_OR_RETURN(std::vector<SnapshotPart> parts, copier.Run(connection));
  TRY(KeepRange(job, parts, lsn));
  {
    const std::scoped_lock lock(mutex_);
    std::move(parts.begin(), parts.end(), std::back_inserter(table.parts));
    if (--table.ranges_left > 0) return {};
  }
  // The last one: nobody else touches the table any more.
  TRY(appender_->CompleteTable(lsn, table.parts, table.kept, source_.timeline,
                               source_.server_version));
  ++progress_.tables;
  ReportProgress();
  const std::scoped_lock lock(mutex_);
  std::move(table.parts.begin(), table.parts.end(), std::back_inserter(parts_));
  return {};
}

// Rows that were copied for what has changed in a range that is kept already are copied again by
// another try.
Result<void> ParallelCopy::KeepRange(const Job& job, const std::vector<SnapshotPart>& parts,
                                     Lsn lsn) {
  TableState& table = *job.table;
  if (!table.keep_as || job.range.changed_since) return {};
  {
    const std::scoped_lock lock(mutex_);
    if (table.ranges_left == 1) return {};
  }
  CopiedPages pages = *table.keep_as;
  pages.begin = job.range.begin;
  pages.end = job.range.end;
  ASSIGN_OR_RETURN(std::string name, appender_->KeepPages(lsn, parts, pages, source_.timeline,
                                                          source_.server_version));
  const std::scoped_lock lock(mutex_);
  table.kept.push_back(std::move(name));
  return {};
}

void ParallelCopy::ReportProgress() const {
  if (options_.metrics == nullptr) return;
  options_.metrics->NoteSnapshot({.tables = tables_.size(),
                                  .tables_done = progress_.tables,
                                  .rows = progress_.rows,
                                  .bytes = progress_.bytes});
}

void ParallelCopy::ReportUntilDone() {
  std::unique_lock lock(mutex_);
  ReportProgress();
  while (!done_.wait_for(lock, kCopyProgressInterval, [this] { return running_ == 0; })) {
    ReportProgress();
    spdlog::info("{}: {} rows, {} MiB, {} of {} tables", what_, progress_.rows.load(),
                 progress_.bytes.load() >> 20, progress_.tables.load(), tables_.size());
  }
}

}  // namespace trunkline
