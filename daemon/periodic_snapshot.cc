#include "daemon/periodic_snapshot.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/fault.h"
#include "daemon/definition_query.h"
#include "postgres/connection.h"

namespace trunkline {
namespace {

using postgres::Connection;

// Somebody who locks the catalogs delays the snapshot, not its end.
constexpr char kLockTimeout[] = "SET lock_timeout = '30s'";

Result<std::unordered_set<uint32_t>> PublishedNow(const SnapshotOptions& options,
                                                  const Source& source) {
  ASSIGN_OR_RETURN(Connection connection,
                   Connection::Open(options.conninfo, postgres::Mode::kNormal, kApplicationName));
  TRY(CheckSameServer(&connection, source));
  TRY(connection.Exec(kLockTimeout));
  ASSIGN_OR_RETURN(const DescribedTables described,
                   QueryDefinition(&connection, options.publication));
  std::unordered_set<uint32_t> oids;
  for (const DescribedTable& table : described.tables) {
    if (table.published) oids.insert(table.relation.oid);
  }
  return oids;
}

// A base snapshot says of a table that it lacks that it was not published.
Result<void> CheckHasAll(const TablesAt& snapshot) {
  ASSIGN_OR_RETURN(const DescribedTables described, ParseDefinitionTables(snapshot.definition));
  for (const DescribedTable& table : described.tables) {
    const bool there = std::any_of(
        snapshot.parts.begin(), snapshot.parts.end(),
        [&](const SnapshotPart& part) { return part.relation.oid == table.relation.oid; });
    if (there || !table.published) continue;
    return Fail(ErrorKind::kConflict, "the table " + table.relation.schema + "." +
                                          table.relation.name +
                                          " joined the publication while the others were copied");
  }
  return {};
}

}  // namespace

Result<TablesAt> TakePeriodicSnapshot(const SnapshotOptions& options, const Source& source,
                                      Store* store, const Appender& appender,
                                      const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::unordered_set<uint32_t> oids, PublishedNow(options, source));
  if (oids.empty()) return TablesAt{};
  ASSIGN_OR_RETURN(TablesAt snapshot,
                   TakeTableSnapshot(options, source, oids, store, appender, stop));
  if (snapshot.parts.empty()) return snapshot;
  TRY(CheckHasAll(snapshot));
  FAULT("snapshot.periodic");
  TRY(appender.PutSnapshotManifest(snapshot.lsn, snapshot.parts, snapshot.definition,
                                   source.timeline, source.server_version));
  snapshot.base = true;
  return snapshot;
}

}  // namespace trunkline
