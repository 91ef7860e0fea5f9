#include "daemon/slot.h"

#include <utility>

#include "base/fault.h"

namespace trunkline {

using postgres::Connection;
using postgres::QuoteIdentifier;
using postgres::Rows;

Result<std::optional<SlotInfo>> FindSlot(Connection* connection, const std::string& name) {
  const std::string parameters[] = {name};
  ASSIGN_OR_RETURN(const Rows rows,
                   connection->Exec("SELECT coalesce(plugin, ''), coalesce(database, ''),"
                                    " temporary, two_phase, active, coalesce(wal_status, ''),"
                                    " coalesce(confirmed_flush_lsn, '0/0')"
                                    " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
                                    parameters));
  if (rows.size() == 0) return std::optional<SlotInfo>();
  ASSIGN_OR_RETURN(const Lsn confirmed_flush, Lsn::Parse(rows.at(0, 6)));
  return std::optional<SlotInfo>(SlotInfo{.plugin = std::string(rows.at(0, 0)),
                                          .database = std::string(rows.at(0, 1)),
                                          .temporary = rows.at(0, 2) == "t",
                                          .two_phase = rows.at(0, 3) == "t",
                                          .active = rows.at(0, 4) == "t",
                                          .wal_status = std::string(rows.at(0, 5)),
                                          .confirmed_flush = confirmed_flush});
}

Result<Lsn> CreateSlot(Connection* connection, const std::string& name) {
  FAULT("slot.create");
  // Written as Postgres 14 wants it; later ones take it as well.
  ASSIGN_OR_RETURN(const Rows rows,
                   connection->Exec("CREATE_REPLICATION_SLOT " + QuoteIdentifier(name) +
                                    " LOGICAL pgoutput NOEXPORT_SNAPSHOT"));
  FAULT("slot.created");
  return Lsn::Parse(rows.at(0, 1));
}

Result<ExportedSnapshot> CreateTemporarySlot(Connection* connection, const std::string& name) {
  ASSIGN_OR_RETURN(const Rows rows,
                   connection->Exec("CREATE_REPLICATION_SLOT " + QuoteIdentifier(name) +
                                    " TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT"));
  FAULT("snapshot.slot");
  ASSIGN_OR_RETURN(const Lsn lsn, Lsn::Parse(rows.at(0, 1)));
  return ExportedSnapshot{lsn, std::string(rows.at(0, 2))};
}

Result<void> CheckSlot(const std::string& name, const std::optional<SlotInfo>& slot,
                       const std::string& database, Lsn archive_end) {
  const std::string the_slot = "the replication slot " + QuoteIdentifier(name);
  if (!slot.has_value()) {
    if (!archive_end.valid()) return {};
    return Fail(ErrorKind::kGap,
                the_slot + " is gone, so changes after " + archive_end.ToString() +
                    ", where the archive ends, may be lost",
                "start a new archive: --archive of an empty folder");
  }
  if (slot->plugin != "pgoutput") {
    return Fail(ErrorKind::kInvalidArgument,
                the_slot + " decodes with '" + slot->plugin + "', not pgoutput",
                "choose another name with --slot");
  }
  if (slot->database != database) {
    return Fail(ErrorKind::kInvalidArgument,
                the_slot + " belongs to the database " + QuoteIdentifier(slot->database),
                "choose another name with --slot");
  }
  if (slot->temporary || slot->two_phase) {
    return Fail(ErrorKind::kInvalidArgument,
                the_slot + (slot->temporary ? " is temporary" : " has two_phase enabled"),
                "choose another name with --slot");
  }
  if (slot->wal_status == "lost") {
    return Fail(ErrorKind::kGap,
                the_slot + " has lost WAL that the archive lacks, after " + archive_end.ToString(),
                "drop the slot, start a new archive, and raise max_slot_wal_keep_size");
  }
  if (archive_end.valid() && slot->confirmed_flush > archive_end) {
    return Fail(ErrorKind::kGap,
                the_slot + " begins at " + slot->confirmed_flush.ToString() +
                    ", past the archive's end at " + archive_end.ToString() +
                    ": the changes between are not to be had",
                "was the slot made anew, or is the archive an old copy? start a new archive");
  }
  return {};
}

}  // namespace trunkline
