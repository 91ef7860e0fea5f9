#include "daemon/audit_source.h"

#include <exception>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <utility>

#include "daemon/publication.h"
#include "digest_sql.h"

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::Rows;

// By one process, and waiting for nobody's lock for long.
constexpr char kReadGently[] =
    "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL lock_timeout = '10s'";

struct DigestQuery {
  DigestedTable table;
  std::string sql;
};

Result<std::vector<std::string>> ParseNames(std::string_view json) {
  try {
    return nlohmann::json::parse(json).get<std::vector<std::string>>();
  } catch (const std::exception&) {
    return Fail(ErrorKind::kCorrupt, "the source's names of columns are malformed");
  }
}

Result<std::vector<DigestQuery>> MakeQueries(Connection* connection,
                                             const std::string& publication) {
  const std::string parameters[] = {publication};
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection->Exec("SELECT q.*, pg_catalog.to_json(q.columns) FROM (" +
                           std::string(kDigestSql) + ") q(oid, schema, name, columns, query)",
                       parameters));
  std::vector<DigestQuery> queries;
  for (int row = 0; row < rows.size(); ++row) {
    DigestQuery query;
    query.table.oid = static_cast<uint32_t>(rows.number(row, 0));
    query.table.schema = rows.at(row, 1);
    query.table.name = rows.at(row, 2);
    ASSIGN_OR_RETURN(query.table.columns, ParseNames(rows.at(row, 5)));
    query.sql = rows.at(row, 4);
    queries.push_back(std::move(query));
  }
  return queries;
}

// A table that was truncated or rewritten after the snapshot's LSN reads as empty; so does a
// partition of it.
Result<bool> IsAsItWas(Connection* connection, const DigestedTable& table) {
  const std::string parameters[] = {std::to_string(table.oid)};
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection->Exec(
          "SELECT pg_catalog.bool_and(c.relkind = 'p' OR"
          " c.relfilenode = pg_catalog.pg_relation_filenode(c.oid))"
          " FROM pg_catalog.pg_class c WHERE c.oid = $1::oid OR c.oid IN"
          " (SELECT t.relid FROM pg_catalog.pg_partition_tree($1::oid::pg_catalog.regclass) t)",
          parameters));
  return rows.at(0, 0) == "t";
}

Result<void> Digest(Connection* connection, const DigestQuery& query, DigestedTable* table) {
  TRY(connection->Exec("LOCK TABLE " + QualifiedIdentifier({table->schema, table->name}) +
                       " IN ACCESS SHARE MODE"));
  ASSIGN_OR_RETURN(const bool as_it_was, IsAsItWas(connection, *table));
  if (!as_it_was) {
    table->left_out = "was truncated or rewritten meanwhile";
    return {};
  }
  ASSIGN_OR_RETURN(const Rows rows, connection->Exec(query.sql));
  table->rows = rows.number(0, 0);
  table->digest = rows.at(0, 1);
  return {};
}

}  // namespace

Result<std::vector<DigestedTable>> DigestSource(Connection* connection,
                                                const std::string& publication) {
  TRY(connection->Exec(kReadGently));
  ASSIGN_OR_RETURN(const std::vector<DigestQuery> queries, MakeQueries(connection, publication));
  std::vector<DigestedTable> tables;
  for (const DigestQuery& query : queries) {
    DigestedTable table = query.table;
    TRY(connection->Exec("SAVEPOINT audit"));
    const Result<void> digested = Digest(connection, query, &table);
    // Releases the lock, and takes an error back. That fails where the connection is gone.
    TRY(connection->Exec("ROLLBACK TO SAVEPOINT audit"));
    if (!digested) table.left_out = "cannot be read: " + digested.error().ToString();
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace trunkline
