#include "daemon/kept_tables.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "archive/definition.h"
#include "archive/manifest.h"

namespace trunkline {
namespace {

bool IsSame(const Definition& before, const Definition& now, const DescribedTables& described,
            const Relation& copied) {
  const TableDefinition* table_before = before.FindTable(copied.oid);
  const TableDefinition* table_now = now.FindTable(copied.oid);
  if (table_before == nullptr || table_now == nullptr || !(*table_before == *table_now)) {
    return false;
  }
  const Relation* relation = described.FindRelation(copied.oid);
  return table_now->published && relation != nullptr && *relation == copied;
}

}  // namespace

Result<KeptTables> KeepTables(Store* store, const Appender& appender, const Source& source,
                              const DescribedTables& described,
                              const std::string& publication_state) {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store->List("snapshots/"));
  const Catalog catalog = CatalogOf(std::move(objects));
  ASSIGN_OR_RETURN(const Definition now, ParseDefinition(described.document));
  KeptTables kept;
  std::vector<std::string> voided;
  for (auto snapshot = catalog.snapshots.rbegin(); snapshot != catalog.snapshots.rend();
       ++snapshot) {
    if (snapshot->complete || snapshot->tables.empty() || !snapshot->has_definition ||
        snapshot->lsn < appender.unbroken_from()) {
      continue;
    }
    ASSIGN_OR_RETURN(const Manifest at, ReadSnapshotDefinition(*store, snapshot->lsn));
    ASSIGN_OR_RETURN(const Definition before, ParseDefinition(at.definition));
    const bool same = at.publication_state == publication_state && before.types == now.types;
    for (const ObjectInfo& manifest : snapshot->tables) {
      ASSIGN_OR_RETURN(SegmentHeader header, ReadTableManifest(*store, manifest.name));
      const Relation& table = header.parts.front().relation;
      if (same && header.timeline == source.timeline && IsSame(before, now, described, table) &&
          kept.oids.insert(table.oid).second) {
        std::move(header.parts.begin(), header.parts.end(), std::back_inserter(kept.parts));
      } else {
        voided.push_back(manifest.name);
      }
    }
  }
  TRY(store->Remove(voided));
  if (!voided.empty()) TRY(appender.RemoveIncompleteSnapshots());
  if (!kept.oids.empty()) {
    spdlog::info("base snapshot: {} tables are there already, from an attempt that was cut short",
                 kept.oids.size());
  }
  return kept;
}

// A row keeps its xmin for as long as nobody alters it.
Result<std::string> PublicationState(postgres::Connection* connection,
                                     const std::string& publication) {
  constexpr int kFirstWithSchemas = 150000;
  std::string query =
      "SELECT pg_catalog.md5(pg_catalog.string_agg(s, ',' ORDER BY s)) FROM ("
      "SELECT 'p' || p.oid::text || ' ' || p.xmin::text AS s FROM pg_catalog.pg_publication p"
      " WHERE p.pubname = $1 UNION ALL "
      "SELECT 'r' || r.oid::text || ' ' || r.xmin::text FROM pg_catalog.pg_publication_rel r"
      " JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE p.pubname = $1";
  if (connection->server_version() >= kFirstWithSchemas) {
    query +=
        " UNION ALL "
        "SELECT 'n' || n.oid::text || ' ' || n.xmin::text"
        " FROM pg_catalog.pg_publication_namespace n"
        " JOIN pg_catalog.pg_publication p ON p.oid = n.pnpubid WHERE p.pubname = $1";
  }
  const std::string parameters[] = {publication};
  ASSIGN_OR_RETURN(const postgres::Rows rows, connection->Exec(query + ") AS state", parameters));
  return std::string(rows.at(0, 0));
}

}  // namespace trunkline
