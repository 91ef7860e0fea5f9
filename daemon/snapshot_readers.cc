#include "daemon/snapshot_readers.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "daemon/slot.h"

namespace trunkline {

using postgres::Connection;
using postgres::Mode;

Result<SnapshotReaders::Interruptible> SnapshotReaders::OpenOne(const std::string& conninfo,
                                                                Mode mode, const Source& source,
                                                                const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(conninfo, mode, kApplicationName));
  TRY(CheckSameServer(&connection, source));
  auto on_stop = std::make_unique<OnStop>(
      stop, [socket = PQsocket(connection.get())] { ::shutdown(socket, SHUT_RDWR); });
  return Interruptible{std::move(connection), std::move(on_stop)};
}

Result<SnapshotReaders> SnapshotReaders::Open(const std::string& conninfo, const std::string& slot,
                                              std::string_view purpose, const Source& source,
                                              int connections, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Interruptible exporter, OpenOne(conninfo, Mode::kReplication, source, stop));
  const std::string name =
      slot.substr(0, 40) + "_" + std::string(purpose) + "_" + std::to_string(::getpid());
  ASSIGN_OR_RETURN(const ExportedSnapshot snapshot,
                   CreateTemporarySlot(&exporter.connection, name));
  SnapshotReaders readers(snapshot.lsn);
  for (int i = 0; i < connections; ++i) {
    ASSIGN_OR_RETURN(Interruptible reader, OpenOne(conninfo, Mode::kNormal, source, stop));
    auto seen = reader.connection.Exec(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT " +
        postgres::QuoteLiteral(snapshot.name));
    if (!seen) {
      // It goes with the connection that exported it, should that break.
      return Fail(ErrorKind::kUnavailable,
                  "the snapshot must be taken again: " + seen.error().message);
    }
    readers.readers_.push_back(std::move(reader));
  }
  return readers;
}

}  // namespace trunkline
