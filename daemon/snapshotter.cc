#include "daemon/snapshotter.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/publication.h"
#include "daemon/slot.h"
#include "daemon/stop_signal.h"
#include "daemon/table_copier.h"
#include "postgres/connection.h"

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::Mode;
using postgres::Rows;

constexpr std::chrono::seconds kProgressInterval{5};

// A table that changed after the snapshot's LSN, say, makes the attempt void; the next one will do.
Error TakenAgain(std::string_view what) {
  return Error{
      ErrorKind::kUnavailable, "the base snapshot must be taken again: " + std::string(what), {}};
}

Error AsPassing(Error error) {
  return error.kind == ErrorKind::kNotFound ? TakenAgain(error.message) : error;
}

// Transactions that all see the exported snapshot. The first one's locks keep the tables as they
// are until it ends.
class SnapshotReaders {
 public:
  static Result<SnapshotReaders> Open(const SnapshotOptions& options) {
    ASSIGN_OR_RETURN(Connection exporter,
                     Connection::Open(options.conninfo, Mode::kReplication, kApplicationName));
    const std::string slot = options.slot.substr(0, 40) + "_base_" + std::to_string(::getpid());
    spdlog::info("base snapshot: waiting for the transactions under way at the source");
    ASSIGN_OR_RETURN(const ExportedSnapshot snapshot, CreateTemporarySlot(&exporter, slot));
    SnapshotReaders readers(snapshot.lsn);
    for (int i = 0; i < options.connections; ++i) {
      ASSIGN_OR_RETURN(Connection reader,
                       Connection::Open(options.conninfo, Mode::kNormal, kApplicationName));
      const Result<Rows> seen =
          reader.Exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT " +
                      postgres::QuoteLiteral(snapshot.name));
      // It goes with the connection that exported it, should that break.
      if (!seen) return Fail(TakenAgain(seen.error().message));
      readers.connections_.push_back(std::move(reader));
    }
    return readers;
  }

  Lsn lsn() const { return lsn_; }
  Connection& first() { return connections_.front(); }
  std::vector<Connection>& connections() { return connections_; }

 private:
  explicit SnapshotReaders(Lsn lsn) : lsn_(lsn) {}

  Lsn lsn_;
  std::vector<Connection> connections_;
};

Result<void> LockTables(Connection* connection, const std::string& publication) {
  ASSIGN_OR_RETURN(const std::vector<PublishedTable> tables,
                   PublishedTables(connection, publication));
  if (tables.empty()) return {};
  std::string command = "LOCK TABLE ";
  for (size_t i = 0; i < tables.size(); ++i) {
    command += (i == 0 ? "" : ", ") + QualifiedIdentifier(tables[i].name);
  }
  TRY(connection->Exec(command + " IN ACCESS SHARE MODE"));
  return {};
}

// The published tables, largest first. A table that was truncated or rewritten after the snapshot's
// LSN would read as empty.
Result<std::vector<const DescribedTable*>> TablesToCopy(Connection* connection,
                                                        const DescribedTables& described) {
  std::unordered_map<std::string, const DescribedTable*> by_oid;
  std::string oids;
  for (const DescribedTable& table : described.tables) {
    if (!table.published) continue;
    const std::string oid = std::to_string(table.relation.oid);
    oids += (oids.empty() ? "{" : ",") + oid;
    by_oid.emplace(oid, &table);
  }
  std::vector<const DescribedTable*> tables;
  if (by_oid.empty()) return tables;
  const std::string parameters[] = {oids + "}"};
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection->Exec("SELECT oid,"
                       " relkind = 'p' OR relfilenode = pg_catalog.pg_relation_filenode(oid)"
                       " FROM pg_catalog.pg_class WHERE oid = ANY ($1::oid[])"
                       " ORDER BY pg_catalog.pg_table_size(oid) DESC, oid",
                       parameters));
  for (int row = 0; row < rows.size(); ++row) {
    const DescribedTable* table = by_oid.at(std::string(rows.at(row, 0)));
    if (rows.at(row, 1) != "t") {
      return Fail(TakenAgain("the table " + table->relation.schema + "." + table->relation.name +
                             " was truncated or rewritten meanwhile"));
    }
    tables.push_back(table);
  }
  return tables;
}

// Copies tables on all connections at once; each takes the next table as it becomes free.
class ParallelCopy {
 public:
  ParallelCopy(const SnapshotOptions& options, const Appender* appender, Lsn lsn,
               std::vector<const DescribedTable*> tables)
      : options_(options), appender_(appender), lsn_(lsn), tables_(std::move(tables)) {}

  Result<std::vector<SnapshotPart>> Run(std::vector<Connection>* connections) {
    running_ = connections->size();
    {
      std::vector<std::jthread> threads;
      for (Connection& connection : *connections) {
        threads.emplace_back([this, &connection] { CopyTables(&connection); });
      }
      ReportUntilDone();
    }
    if (error_.has_value()) return Fail(AsPassing(*std::move(error_)));
    uint64_t rows = 0;
    for (const SnapshotPart& part : parts_) rows += part.rows;
    spdlog::info("base snapshot: {} rows of {} tables", rows, tables_.size());
    return std::move(parts_);
  }

 private:
  void CopyTables(Connection* connection) {
    for (size_t i = next_++; i < tables_.size() && !progress_.abandoned; i = next_++) {
      TableCopier copier(appender_, lsn_, options_.segment, options_.part_max_bytes, *tables_[i],
                         &progress_);
      Result<std::vector<SnapshotPart>> parts = copier.Run(connection);
      const std::scoped_lock lock(mutex_);
      if (parts) {
        std::move(parts->begin(), parts->end(), std::back_inserter(parts_));
        continue;
      }
      progress_.abandoned = true;
      if (!error_.has_value()) error_ = std::move(parts).error();
    }
    const std::scoped_lock lock(mutex_);
    --running_;
    done_.notify_all();
  }

  void ReportUntilDone() {
    std::unique_lock lock(mutex_);
    while (!done_.wait_for(lock, kProgressInterval, [this] { return running_ == 0; })) {
      spdlog::info("base snapshot: {} rows, {} MiB, {} of {} tables", progress_.rows.load(),
                   progress_.bytes.load() >> 20, progress_.tables.load(), tables_.size());
    }
  }

  const SnapshotOptions& options_;
  const Appender* const appender_;
  const Lsn lsn_;
  const std::vector<const DescribedTable*> tables_;
  SnapshotProgress progress_;
  std::atomic<size_t> next_{0};

  std::mutex mutex_;
  std::condition_variable done_;
  size_t running_ = 0;
  std::vector<SnapshotPart> parts_;
  std::optional<Error> error_;
};

}  // namespace

Result<DescribedTables> TakeSnapshot(const SnapshotOptions& options, const Source& source,
                                     Appender* appender) {
  TRY(appender->RemoveIncompleteSnapshots());
  ASSIGN_OR_RETURN(SnapshotReaders readers, SnapshotReaders::Open(options));
  spdlog::info("base snapshot at {}", readers.lsn().ToString());
  Result<void> locked = LockTables(&readers.first(), options.publication);
  if (!locked) return Fail(AsPassing(std::move(locked).error()));
  ASSIGN_OR_RETURN(DescribedTables described,
                   QueryDefinition(&readers.first(), options.publication));
  ASSIGN_OR_RETURN(std::vector<const DescribedTable*> tables,
                   TablesToCopy(&readers.first(), described));
  ParallelCopy copy(options, appender, readers.lsn(), std::move(tables));
  ASSIGN_OR_RETURN(std::vector<SnapshotPart> parts, copy.Run(&readers.connections()));
  TRY(appender->CompleteSnapshot(readers.lsn(), std::move(parts), described.document,
                                 source.timeline, source.server_version));
  return described;
}

}  // namespace trunkline
