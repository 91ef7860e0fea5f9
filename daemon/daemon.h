// Daemon: gets everything ready, captures, and comes back after failures that may pass.
#pragma once

#include <memory>
#include <optional>

#include "archive/appender.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/definition_tracker.h"
#include "daemon/failure_policy.h"
#include "daemon/options.h"
#include "daemon/source.h"
#include "postgres/connection.h"

namespace trunkline {

class Daemon {
 public:
  explicit Daemon(Options options);

  // Runs until the end position is archived or a stop is requested (both are success), or until a
  // failure that waiting does not mend.
  Result<void> Run();

 private:
  // One connection's life. Every step can be taken again after a failure or a crash at any point.
  Result<void> Attempt();
  Result<void> PrepareSource(postgres::Connection* connection);
  Result<void> OpenArchive(const Source& source);
  Result<void> PrepareSnapshot(const Source& source);
  Result<void> Stream(postgres::Connection replication, const Source& source, Lsn start);
  Result<DescribedTables> QueryCurrentDefinition();
  SegmentOptions segment_options() const;

  const Options options_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Appender> appender_;
  std::optional<postgres::Connection> definition_connection_;
  DefinitionTracker definitions_;
  bool definitions_known_ = false;
  bool source_was_prepared_ = false;
  bool slot_lacks_wal_ = false;  // as the last attempt to stream has shown
  std::optional<Lsn> end_position_;
  FailureContext failure_context_;
};

}  // namespace trunkline
