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
  bool synced = false;       // a standby's copy of the primary's slot (from Postgres 17 on)
  std::string active_pid;    // of the server process that serves it; empty: nobody reads it
  std::string wal_status;    // reserved, extended, unreserved or lost; empty while there is none
  Lsn confirmed_flush;       // transactions that end at or before it are not sent any more
  std::string lost_because;  // where its WAL is of no use; empty: it was removed

  bool active() const { return !active_pid.empty(); }
  bool lost() const { return wal_status == "lost"; }  // the WAL it needs is gone, for ever
};

Result<std::optional<SlotInfo>> FindSlot(postgres::Connection* connection, const std::string& name);

// Makes the permanent slot; returns where it begins. `connection` is in replication mode. Waits for
// the transactions under way. From Postgres 17 on, standbys that synchronize slots keep a copy.
Result<Lsn> CreateSlot(postgres::Connection* connection, const std::string& name);
// kBusy while somebody reads it.
Result<void> DropSlot(postgres::Connection* connection, const std::string& name);

// Makes a slot that goes with the connection, and exports the snapshot of its starting point, which
// can be used until the connection's next command.
struct ExportedSnapshot {
  Lsn lsn;  // the snapshot sees exactly the transactions whose commit record begins before it
  std::string name;
};
Result<ExportedSnapshot> CreateTemporarySlot(postgres::Connection* connection,
                                             const std::string& name);

// Whether the slot is of the kind that the daemon makes, for `database`. kInvalidArgument, and what
// to do.
Result<void> CheckSlotKind(const std::string& name, const SlotInfo& slot,
                           const std::string& database);

// That the slot, from which a stream has just started, gives what comes after `start`: the server
// begins silently where the slot is, should that be later. kUnavailable where the slot was moved on
// or made anew since it was looked at.
Result<void> CheckSlotGives(postgres::Connection* connection, const std::string& name, Lsn start);

}  // namespace trunkline
