// Daemon: gets everything ready, captures, and comes back after failures that may pass.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "archive/appender.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/auditor.h"
#include "daemon/definition_tracker.h"
#include "daemon/failure_policy.h"
#include "daemon/metrics.h"
#include "daemon/options.h"
#include "daemon/snapshotter.h"
#include "daemon/source.h"
#include "daemon/source_watch.h"
#include "daemon/spooled_store.h"
#include "daemon/starting_point.h"
#include "daemon/table_snapshots.h"
#include "postgres/connection.h"

namespace trunkline {

class Daemon {
 public:
  // Reports into `metrics`, which is not owned.
  Daemon(Options options, Metrics* metrics);

  // Runs until the end position is archived or a stop is requested (both are success), or until a
  // failure that waiting does not mend.
  Result<void> Run();

 private:
  Result<void> OpenStores();
  // What was captured, or was captured in earlier runs, reaches the archive.
  Result<void> Finish();
  // One connection's life. Every step can be taken again after a failure or a crash at any point.
  Result<void> Attempt();
  Result<void> PrepareSource(postgres::Connection* connection);
  void WatchSource();
  Result<void> PrepareAudits();
  Result<void> OpenArchive(const Source& source);
  Result<void> PrepareSnapshot(const Source& source);
  // `turn` is the connection that holds our turn.
  Result<void> Stream(postgres::Connection turn, postgres::Connection replication,
                      const Source& source, Lsn start, TableSnapshots* table_snapshots);
  // An attempt has failed and is to be taken again.
  void ReportRetry(const Error& error);
  SegmentOptions segment_options() const;
  SnapshotOptions snapshot_options() const;

  const Options options_;
  Metrics* const metrics_;
  std::unique_ptr<Store> store_;
  SpooledStore* spooled_ = nullptr;  // store_, with --confirm spooled
  std::unique_ptr<Appender> appender_;
  DefinitionAsker definition_asker_;
  std::unique_ptr<SourceWatch> source_watch_;  // once the source was reached
  std::mutex whole_source_;                    // whoever reads all of the source holds it
  std::unique_ptr<Auditor> auditor_;           // with --audit-every
  DefinitionTracker definitions_;
  bool definitions_known_ = false;
  bool source_was_prepared_ = false;
  std::optional<SlotFailure> slot_failure_;  // of the last attempt that streamed
  bool archive_was_opened_ = false;          // from then on, one that is missing is away
  std::optional<Lsn> end_position_;
  int silent_attempts_ = 0;  // in a row, without progress
  FailureContext failure_context_;
};

}  // namespace trunkline
