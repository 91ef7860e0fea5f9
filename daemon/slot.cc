#include "daemon/slot.h"

#include <utility>

#include "base/fault.h"

namespace trunkline {

using postgres::Connection;
using postgres::QuoteIdentifier;
using postgres::Rows;

Result<std::optional<SlotInfo>> FindSlot(Connection* connection, const std::string& name) {
  const std::string parameters[] = {name};
  // By way of JSON, a column that this version does not have is NULL.
  ASSIGN_OR_RETURN(const Rows rows,
                   connection->Exec("SELECT coalesce(plugin, ''), coalesce(database, ''),"
                                    " temporary, two_phase, coalesce(active_pid::text, ''),"
                                    " coalesce(wal_status, ''),"
                                    " coalesce(confirmed_flush_lsn, '0/0'),"
                                    " coalesce(pg_catalog.to_jsonb(s) ->> 'synced', 'false')"
                                    " FROM pg_catalog.pg_replication_slots s WHERE slot_name = $1",
                                    parameters));
  if (rows.size() == 0) return std::optional<SlotInfo>();
  ASSIGN_OR_RETURN(const Lsn confirmed_flush, Lsn::Parse(rows.at(0, 6)));
  return std::optional<SlotInfo>(SlotInfo{.plugin = std::string(rows.at(0, 0)),
                                          .database = std::string(rows.at(0, 1)),
                                          .temporary = rows.at(0, 2) == "t",
                                          .two_phase = rows.at(0, 3) == "t",
                                          .synced = rows.at(0, 7) == "true",
                                          .active_pid = std::string(rows.at(0, 4)),
                                          .wal_status = std::string(rows.at(0, 5)),
                                          .confirmed_flush = confirmed_flush,
                                          .lost_because = {}});
}

Result<Lsn> CreateSlot(Connection* connection, const std::string& name) {
  FAULT("slot.create");
  constexpr int kFirstWithFailover = 170000;
  std::string command = "CREATE_REPLICATION_SLOT " + QuoteIdentifier(name) + " LOGICAL pgoutput ";
  ASSIGN_OR_RETURN(const Rows recovery, connection->Exec("SELECT pg_catalog.pg_is_in_recovery()"));
  const bool is_standby = recovery.at(0, 0) == "t";
  if (connection->server_version() >= kFirstWithFailover && !is_standby) {
    command += "(SNAPSHOT 'nothing', FAILOVER true)";
  } else {
    command += "NOEXPORT_SNAPSHOT";  // as Postgres 14 wants it
  }
  ASSIGN_OR_RETURN(const Rows rows, connection->Exec(command));
  FAULT("slot.created");
  return Lsn::Parse(rows.at(0, 1));
}

Result<void> DropSlot(Connection* connection, const std::string& name) {
  TRY(connection->Exec("DROP_REPLICATION_SLOT " + QuoteIdentifier(name)));
  return {};
}

Result<ExportedSnapshot> CreateTemporarySlot(Connection* connection, const std::string& name) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection->Exec("CREATE_REPLICATION_SLOT " + QuoteIdentifier(name) +
                                    " TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT"));
  FAULT("snapshot.slot");
  ASSIGN_OR_RETURN(const Lsn lsn, Lsn::Parse(rows.at(0, 1)));
  return ExportedSnapshot{lsn, std::string(rows.at(0, 2))};
}

Result<void> CheckSlotKind(const std::string& name, const SlotInfo& slot,
                           const std::string& database) {
  std::string wrong;
  if (slot.plugin != "pgoutput") {
    wrong = " decodes with '" + slot.plugin + "', not pgoutput";
  } else if (slot.database != database) {
    wrong = " belongs to the database " + QuoteIdentifier(slot.database);
  } else if (slot.temporary) {
    wrong = " is temporary";
  } else if (slot.two_phase) {
    wrong = " has two_phase enabled";
  } else {
    return {};
  }
  return Fail(ErrorKind::kInvalidArgument, "the replication slot " + QuoteIdentifier(name) + wrong,
              "choose another name with --slot");
}

Result<void> CheckSlotGives(Connection* connection, const std::string& name, Lsn start) {
  ASSIGN_OR_RETURN(const std::optional<SlotInfo> slot, FindSlot(connection, name));
  const bool gives = slot.has_value() && slot->confirmed_flush <= start;
  if (FAULT_VALUE("slot.gives", gives, true)) return {};
  return Fail(ErrorKind::kUnavailable,
              "the replication slot " + QuoteIdentifier(name) +
                  " was moved on or made anew since it was looked at, at " + start.ToString());
}

}  // namespace trunkline
