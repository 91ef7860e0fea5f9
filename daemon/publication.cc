#include "daemon/publication.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace trunkline {

using postgres::Connection;
using postgres::QuoteIdentifier;
using postgres::Rows;

Result<PublicationInfo> FindPublication(Connection* connection, const std::string& name) {
  const std::string parameters[] = {name};
  ASSIGN_OR_RETURN(const Rows rows,
                   connection->Exec("SELECT puballtables, pubinsert, pubupdate, pubdelete,"
                                    " pubtruncate FROM pg_catalog.pg_publication"
                                    " WHERE pubname = $1",
                                    parameters));
  if (rows.size() == 0) return PublicationInfo{};
  const auto is_true = [&](int column) { return rows.at(0, column) == "t"; };
  return PublicationInfo{.exists = true,
                         .all_tables = is_true(0),
                         .publishes_insert = is_true(1),
                         .publishes_update = is_true(2),
                         .publishes_delete = is_true(3),
                         .publishes_truncate = is_true(4)};
}

Result<std::vector<PublishedTable>> PublishedTables(Connection* connection,
                                                    const std::string& publication) {
  const std::string parameters[] = {publication};
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection->Exec(
          "SELECT n.nspname, c.relname, c.relreplident,"
          " c.relreplident = 'f' OR EXISTS (SELECT FROM pg_catalog.pg_index i"
          "   WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate"
          "     AND ((c.relreplident = 'd' AND i.indisprimary)"
          "          OR (c.relreplident = 'i' AND i.indisreplident))),"
          " pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
          "   AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),"
          " pg_catalog.row_security_active(c.oid)"
          " FROM pg_catalog.pg_publication_tables t"
          " JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"
          " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename"
          " WHERE t.pubname = $1 ORDER BY 1, 2",
          parameters));
  std::vector<PublishedTable> tables;
  for (int row = 0; row < rows.size(); ++row) {
    tables.push_back({.name = {std::string(rows.at(row, 0)), std::string(rows.at(row, 1))},
                      .replica_identity = rows.at(row, 2).at(0),
                      .has_key = rows.at(row, 3) == "t",
                      .selectable = rows.at(row, 4) == "t",
                      .row_security = rows.at(row, 5) == "t"});
  }
  return tables;
}

Result<std::vector<TableName>> ResolveTables(Connection* connection,
                                             const std::vector<TableName>& tables) {
  std::vector<TableName> resolved;
  for (const TableName& table : tables) {
    const std::string parameters[] = {table.name, table.schema};
    ASSIGN_OR_RETURN(
        const Rows rows,
        connection->Exec("SELECT n.nspname FROM pg_catalog.pg_class c"
                         " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                         " WHERE c.relname = $1 AND c.relkind IN ('r', 'p') AND CASE WHEN $2 = ''"
                         " THEN n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
                         " ELSE n.nspname = $2 END",
                         parameters));
    if (rows.size() == 0) {
      return Fail(ErrorKind::kNotFound, "the source has no table " + QualifiedIdentifier(table),
                  "names keep upper and lower case as written");
    }
    if (rows.size() > 1) {
      return Fail(ErrorKind::kInvalidArgument,
                  "several schemas have a table " + QualifiedIdentifier(table),
                  "put the schema before it");
    }
    resolved.push_back({std::string(rows.at(0, 0)), table.name});
  }
  return resolved;
}

std::string QualifiedIdentifier(const TableName& table) {
  if (table.schema.empty()) return QuoteIdentifier(table.name);
  return QuoteIdentifier(table.schema) + "." + QuoteIdentifier(table.name);
}

std::string CreatePublicationCommand(const std::string& publication,
                                     const std::vector<TableName>& tables) {
  std::string command = "CREATE PUBLICATION " + QuoteIdentifier(publication);
  if (tables.empty()) return command + " FOR ALL TABLES";
  for (size_t i = 0; i < tables.size(); ++i) {
    command += i == 0 ? " FOR TABLE " : ", ";
    command += QualifiedIdentifier(tables[i]);
  }
  return command;
}

std::string AddTableCommand(const std::string& publication, const TableName& table) {
  return "ALTER PUBLICATION " + QuoteIdentifier(publication) + " ADD TABLE " +
         QualifiedIdentifier(table);
}

std::string GrantCommand(const TableName& table, const std::string& role) {
  return "GRANT USAGE ON SCHEMA " + QuoteIdentifier(table.schema) + " TO " + role +
         "; GRANT SELECT ON " + QualifiedIdentifier(table) + " TO " + role;
}

Result<void> CheckTablesReadable(Connection* connection, const std::string& publication) {
  ASSIGN_OR_RETURN(const std::vector<PublishedTable> tables,
                   PublishedTables(connection, publication));
  const auto barred = std::find_if(tables.begin(), tables.end(), [](const PublishedTable& table) {
    return !table.selectable || table.row_security;
  });
  if (barred == tables.end()) return {};
  const std::string role = QuoteIdentifier(PQuser(connection->get()));
  if (barred->selectable) {
    return Fail(ErrorKind::kDenied,
                "row security hides rows of " + QualifiedIdentifier(barred->name),
                "ALTER ROLE " + role + " BYPASSRLS");
  }
  return Fail(ErrorKind::kDenied, role + " may not read " + QualifiedIdentifier(barred->name),
              GrantCommand(barred->name, role) + "; --check lists all such tables");
}

// A partitioned table is published through its partitions unless the publication says otherwise.
Result<bool> IsPublished(Connection* connection, const std::string& publication,
                         const TableName& table) {
  const std::string parameters[] = {publication, table.schema, table.name};
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection->Exec("SELECT FROM pg_catalog.pg_publication_tables t"
                       " JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"
                       " JOIN pg_catalog.pg_class c"
                       "   ON c.relnamespace = n.oid AND c.relname = t.tablename"
                       " WHERE t.pubname = $1 AND (t.schemaname = $2 AND t.tablename = $3"
                       "  OR EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) a"
                       "    JOIN pg_catalog.pg_class p ON p.oid = a.relid"
                       "    JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace"
                       "    WHERE pn.nspname = $2 AND p.relname = $3)) LIMIT 1",
                       parameters));
  return rows.size() > 0;
}

Result<void> CheckPublicationExists(Connection* connection, const Options& options) {
  ASSIGN_OR_RETURN(const PublicationInfo publication,
                   FindPublication(connection, options.publication));
  if (publication.exists) return {};
  return Fail(ErrorKind::kNotFound,
              "the publication " + QuoteIdentifier(options.publication) + " was dropped",
              "make it anew, then start again: what was changed meanwhile becomes a gap");
}

Result<void> EnsurePublication(Connection* connection, const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<TableName> tables, ResolveTables(connection, options.tables));
  ASSIGN_OR_RETURN(const PublicationInfo publication,
                   FindPublication(connection, options.publication));
  if (!publication.exists) {
    const std::string command = CreatePublicationCommand(options.publication, tables);
    if (!options.create_publication) {
      return Fail(ErrorKind::kNotFound,
                  "the source has no publication " + QuoteIdentifier(options.publication),
                  "run: " + command + "; or start with --create-publication");
    }
    TRY(connection->Exec(command));
    spdlog::info("created the publication: {}", command);
  }
  for (const TableName& table : tables) {
    ASSIGN_OR_RETURN(const bool published, IsPublished(connection, options.publication, table));
    if (!published) {
      return Fail(ErrorKind::kNotFound,
                  "the publication " + QuoteIdentifier(options.publication) +
                      " does not hold the table " + QualifiedIdentifier(table),
                  "run: " + AddTableCommand(options.publication, table));
    }
  }
  return {};
}

}  // namespace trunkline
