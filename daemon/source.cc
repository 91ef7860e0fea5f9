#include "daemon/source.h"

#include <charconv>

namespace trunkline {

Result<Source> IdentifySource(postgres::Connection* connection) {
  const int version = connection->server_version();
  if (version < kOldestServerVersion) {
    return Fail(ErrorKind::kUnsupported,
                "the source runs Postgres " + std::to_string(version / 10000),
                "Postgres 14 or later is needed");
  }
  ASSIGN_OR_RETURN(const postgres::Rows rows, connection->Exec("IDENTIFY_SYSTEM"));
  if (rows.size() != 1) return Fail(ErrorKind::kFailed, "IDENTIFY_SYSTEM gave no row");
  Source source;
  source.system_identifier = rows.at(0, 0);
  source.database = rows.at(0, 3);
  source.server_version = static_cast<uint32_t>(version);
  const std::string_view timeline = rows.at(0, 1);
  std::from_chars(timeline.data(), timeline.data() + timeline.size(), source.timeline);
  ASSIGN_OR_RETURN(source.written, Lsn::Parse(rows.at(0, 2)));
  ASSIGN_OR_RETURN(const postgres::Rows state,
                   connection->Exec("SELECT pg_catalog.pg_is_in_recovery(),"
                                    " pg_catalog.pg_postmaster_start_time()"));
  source.in_recovery = state.at(0, 0) == "t";
  source.started = state.at(0, 1);
  return source;
}

Result<void> CheckSameServer(postgres::Connection* connection, const Source& source) {
  ASSIGN_OR_RETURN(const postgres::Rows rows,
                   connection->Exec("SELECT pg_catalog.pg_postmaster_start_time()"));
  if (rows.at(0, 0) == source.started) return {};
  return Fail(ErrorKind::kUnavailable, "two connections came to two different servers",
              "target_session_attrs=read-write in the connection string names the primary");
}

// The insert position, so that asynchronous commits count. At the start of a page it stands behind
// the page's header, where no record ends and the stream may never come to; the page's first byte
// does as well, for no record begins in between.
Result<Lsn> CurrentLsn(postgres::Connection* connection) {
  constexpr uint64_t kLargestPageHeader = 40;
  ASSIGN_OR_RETURN(const postgres::Rows rows,
                   connection->Exec("SELECT CASE WHEN pg_catalog.pg_is_in_recovery()"
                                    " THEN pg_catalog.pg_last_wal_replay_lsn()"
                                    " ELSE pg_catalog.pg_current_wal_insert_lsn() END,"
                                    " pg_catalog.current_setting('wal_block_size')"));
  ASSIGN_OR_RETURN(const Lsn lsn, Lsn::Parse(rows.at(0, 0)));
  uint64_t page_bytes = 8192;
  const std::string_view text = rows.at(0, 1);
  std::from_chars(text.data(), text.data() + text.size(), page_bytes);
  const uint64_t in_page = lsn.value % page_bytes;
  return in_page <= kLargestPageHeader ? Lsn{lsn.value - in_page} : lsn;
}

int ProtocolVersion(uint32_t server_version) {
  if (server_version >= 160000) return 4;
  if (server_version >= 150000) return 3;
  return 2;
}

}  // namespace trunkline
