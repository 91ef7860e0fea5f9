#include "daemon/ddl_capture.h"

namespace trunkline {

Result<bool> CapturesDdl(postgres::Connection* connection, const std::string& publication) {
  ASSIGN_OR_RETURN(
      const postgres::Rows triggers,
      connection->Exec("SELECT count(*) = 2 AND EXISTS (SELECT FROM pg_catalog.pg_proc p"
                       " JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
                       " WHERE n.nspname = 'trunkline' AND p.proname = 'captured'"
                       " AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))"
                       " FROM pg_catalog.pg_event_trigger"
                       " WHERE evtname IN ('trunkline_ddl', 'trunkline_drop')"
                       " AND evtenabled IN ('O', 'A')"));
  if (triggers.at(0, 0) != "t") return false;
  const std::string parameters[] = {publication};
  ASSIGN_OR_RETURN(
      const postgres::Rows captured,
      connection->Exec("SELECT $1 = ANY (SELECT c FROM trunkline.captured() c)", parameters));
  return captured.at(0, 0) == "t";
}

std::string InstallDdlCaptureCommand(const std::string& publication) {
  std::string command = "psql -d DATABASE ";
  if (publication != "trunkline") {
    command += "-v publication=" + postgres::QuoteLiteral(publication) + " ";
  }
  return command + "-f sql/source_setup.sql";
}

}  // namespace trunkline
