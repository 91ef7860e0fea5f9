// Slot: the replication slot through which the source keeps WAL for the archive.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/lsn.h"
#include "postgres/connection.h"

namespace trunkline {

// A row of pg_replication_slots.
struct SlotInfo {
  std::string plugin;
  std::string database;
  bool temporary = false;
  bool two_phase = false;
  bool active = false;
  std::string wal_status;  // reserved, extended, unreserved or lost; empty while there is none
  Lsn confirmed_flush;     // transactions that end at or before it are not sent any more
};

Result<std::optional<SlotInfo>> FindSlot(postgres::Connection* connection, const std::string& name);

// Makes the permanent slot; returns where it begins. `connection` is in replication mode.
Result<Lsn> CreateSlot(postgres::Connection* connection, const std::string& name);

// Makes a slot that goes with the connection, and exports the snapshot of its starting point, which
// can be used until the connection's next command.
struct ExportedSnapshot {
  Lsn lsn;  // the snapshot sees exactly the transactions whose commit record begins before it
  std::string name;
};
Result<ExportedSnapshot> CreateTemporarySlot(postgres::Connection* connection,
                                             const std::string& name);

// Whether the slot can bring the archive on, given where the archive ends (Lsn{}: it is new). Every
// refusal says what to do.
Result<void> CheckSlot(const std::string& name, const std::optional<SlotInfo>& slot,
                       const std::string& database, Lsn archive_end);

}  // namespace trunkline
