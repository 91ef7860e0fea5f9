#include "daemon/snapshotter.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/kept_tables.h"
#include "daemon/parallel_copy.h"
#include "daemon/publication.h"
#include "daemon/snapshot_readers.h"
#include "daemon/table_copier.h"
#include "postgres/connection.h"

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::Rows;

// A table that changed after the snapshot's LSN makes the attempt void; the next one will do.
Error TablesChanged(std::string_view what) {
  return Error{ErrorKind::kConflict, "the snapshot must be taken again: " + std::string(what), {}};
}

Error AsPassing(Error error) {
  return error.kind == ErrorKind::kNotFound ? TablesChanged(error.message) : error;
}

template <typename T>
Result<T> AsPassing(Result<T> result) {
  if (result) return result;
  return Fail(AsPassing(std::move(result).error()));
}

Result<void> LockTables(Connection* connection, const std::vector<TableName>& tables) {
  if (tables.empty()) return {};
  std::string command = "LOCK TABLE ";
  for (size_t i = 0; i < tables.size(); ++i) {
    command += (i == 0 ? "" : ", ") + QualifiedIdentifier(tables[i]);
  }
  TRY(connection->Exec(command + " IN ACCESS SHARE MODE"));
  return {};
}

Result<std::vector<TableName>> AllTables(Connection* connection, const std::string& publication) {
  ASSIGN_OR_RETURN(const std::vector<PublishedTable> published,
                   PublishedTables(connection, publication));
  std::vector<TableName> tables;
  for (const PublishedTable& table : published) tables.push_back(table.name);
  return tables;
}

std::string OidArray(const std::unordered_set<uint32_t>& oids) {
  std::string array = "{";
  for (const uint32_t oid : oids) array += (array.size() > 1 ? "," : "") + std::to_string(oid);
  return array + "}";
}

Result<std::vector<TableName>> TablesOf(Connection* connection,
                                        const std::unordered_set<uint32_t>& oids) {
  const std::string parameters[] = {OidArray(oids)};
  ASSIGN_OR_RETURN(const Rows rows,
                   connection->Exec("SELECT n.nspname, c.relname FROM pg_catalog.pg_class c"
                                    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                                    " WHERE c.oid = ANY ($1::oid[])",
                                    parameters));
  std::vector<TableName> tables;
  for (int row = 0; row < rows.size(); ++row) {
    tables.push_back({std::string(rows.at(row, 0)), std::string(rows.at(row, 1))});
  }
  return tables;
}

uint64_t ToNumber(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// How to copy the tables of `described` that `wanted` has, largest first. A table that was
// truncated or rewritten after the snapshot's LSN would read as empty. Only a heap has pages to go
// by.
template <typename Wanted>
Result<std::vector<ParallelCopy::Table>> TablesToCopy(Connection* connection,
                                                      const DescribedTables& described,
                                                      uint64_t range_bytes, const Wanted& wanted) {
  std::unordered_map<uint32_t, const DescribedTable*> by_oid;
  std::unordered_set<uint32_t> oids;
  for (const DescribedTable& table : described.tables) {
    if (!table.published || !wanted(table.relation.oid)) continue;
    by_oid.emplace(table.relation.oid, &table);
    oids.insert(table.relation.oid);
  }
  std::vector<ParallelCopy::Table> tables;
  if (oids.empty()) return tables;
  const std::string parameters[] = {OidArray(oids)};
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection->Exec("SELECT c.oid,"
                       " c.relkind = 'p' OR c.relfilenode = pg_catalog.pg_relation_filenode(c.oid),"
                       " CASE WHEN c.relkind = 'r' AND a.amname = 'heap'"
                       " THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END,"
                       " pg_catalog.current_setting('block_size')"
                       " FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam"
                       " WHERE c.oid = ANY ($1::oid[])"
                       " ORDER BY pg_catalog.pg_table_size(c.oid) DESC, c.oid",
                       parameters));
  for (int row = 0; row < rows.size(); ++row) {
    const DescribedTable* table = by_oid.at(static_cast<uint32_t>(ToNumber(rows.at(row, 0))));
    if (rows.at(row, 1) != "t") {
      return Fail(TablesChanged("the table " + table->relation.schema + "." + table->relation.name +
                                " was truncated or rewritten meanwhile"));
    }
    const uint64_t page_bytes = std::max<uint64_t>(ToNumber(rows.at(row, 3)), 1);
    const uint64_t pages = ToNumber(rows.at(row, 2)) / page_bytes;
    tables.push_back({table, SplitPages(pages, std::max<uint64_t>(range_bytes / page_bytes, 1))});
  }
  return tables;
}

}  // namespace

Result<DescribedTables> TakeBaseSnapshot(const SnapshotOptions& options, const Source& source,
                                         Store* store, Appender* appender) {
  TRY(appender->RemoveIncompleteSnapshots());
  spdlog::info("base snapshot: waiting for the transactions under way at the source");
  ASSIGN_OR_RETURN(SnapshotReaders readers,
                   SnapshotReaders::Open(options.conninfo, options.slot, "base", source,
                                         options.connections, std::stop_token()));
  spdlog::info("base snapshot at {}", readers.lsn().ToString());
  ASSIGN_OR_RETURN(const std::vector<TableName> names,
                   AllTables(&readers.first(), options.publication));
  TRY(AsPassing(LockTables(&readers.first(), names)));
  ASSIGN_OR_RETURN(DescribedTables described,
                   QueryDefinition(&readers.first(), options.publication));
  ASSIGN_OR_RETURN(const std::string publication_state,
                   PublicationState(&readers.first(), options.publication));
  ASSIGN_OR_RETURN(KeptTables kept,
                   KeepTables(store, *appender, source, described, publication_state));
  const auto wanted = [&](uint32_t oid) { return !kept.oids.contains(oid); };
  ASSIGN_OR_RETURN(const std::vector<ParallelCopy::Table> tables,
                   TablesToCopy(&readers.first(), described, options.range_bytes, wanted));
  TRY(appender->PutSnapshotDefinition(readers.lsn(), described.document, publication_state,
                                      source.timeline, source.server_version));
  ParallelCopy copy(options, source, appender, "base snapshot", tables);
  ASSIGN_OR_RETURN(std::vector<SnapshotPart> parts, AsPassing(copy.Run(&readers)));
  std::move(kept.parts.begin(), kept.parts.end(), std::back_inserter(parts));
  TRY(appender->CompleteSnapshot(readers.lsn(), std::move(parts), described.document,
                                 source.timeline, source.server_version));
  return described;
}

Result<TablesAt> TakeTableSnapshot(const SnapshotOptions& options, const Source& source,
                                   const std::unordered_set<uint32_t>& oids,
                                   const Appender& appender, const std::stop_token& stop) {
  TRY(appender.RemoveIncompleteSnapshots());
  ASSIGN_OR_RETURN(SnapshotReaders readers,
                   SnapshotReaders::Open(options.conninfo, options.slot, "table", source,
                                         options.connections, stop));
  ASSIGN_OR_RETURN(const std::vector<TableName> names, TablesOf(&readers.first(), oids));
  TRY(AsPassing(LockTables(&readers.first(), names)));
  ASSIGN_OR_RETURN(DescribedTables described,
                   QueryDefinition(&readers.first(), options.publication));
  ASSIGN_OR_RETURN(const std::vector<ParallelCopy::Table> tables,
                   TablesToCopy(&readers.first(), described, options.range_bytes,
                                [&](uint32_t oid) { return oids.contains(oid); }));
  TablesAt snapshot{.lsn = readers.lsn(), .base = false, .definition = {}, .parts = {}};
  if (tables.empty()) return snapshot;
  ASSIGN_OR_RETURN(std::string publication_state,
                   PublicationState(&readers.first(), options.publication));
  TRY(appender.PutSnapshotDefinition(snapshot.lsn, described.document, publication_state,
                                     source.timeline, source.server_version));
  ParallelCopy copy(options, source, &appender, "table snapshot at " + snapshot.lsn.ToString(),
                    tables);
  ASSIGN_OR_RETURN(snapshot.parts, AsPassing(copy.Run(&readers)));
  snapshot.definition = std::move(described.document);
  return snapshot;
}

}  // namespace trunkline
