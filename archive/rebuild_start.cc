#include "archive/rebuild_start.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "archive/manifest.h"

namespace trunkline {
namespace {

// Tables of the folder that have a manifest of their own; none where that does not count yet.
Result<std::vector<std::vector<SnapshotPart>>> SingleTables(const Store& store,
                                                            const SnapshotEntry& snapshot) {
  std::vector<std::vector<SnapshotPart>> tables;
  if (snapshot.complete || !snapshot.has_definition) return tables;
  for (const ObjectInfo& manifest : snapshot.tables) {
    ASSIGN_OR_RETURN(SegmentHeader header, ReadTableManifest(store, manifest.name));
    tables.push_back(std::move(header.parts));
  }
  return tables;
}

Result<Lsn> LsnOfPart(const SnapshotPart& part, Lsn base) {
  const std::optional<Lsn> lsn = SnapshotLsnOf(part.name);
  if (lsn.has_value() && *lsn <= base) return *lsn;
  return Fail(ErrorKind::kCorrupt,
              SnapshotManifestName(base) + " lists " + part.name + ", which cannot be a part of it",
              "trunkline verify finds all damage");
}

void Append(std::vector<SnapshotPart> parts, std::vector<SnapshotPart>* all) {
  std::move(parts.begin(), parts.end(), std::back_inserter(*all));
}

}  // namespace

Result<std::vector<TablesAt>> SnapshotsFor(const Store& store, const Catalog& catalog, Lsn limit) {
  const SnapshotEntry* base = catalog.SnapshotAtOrBefore(limit);
  if (base == nullptr) {
    return Fail(ErrorKind::kNotFound,
                "the archive has no base snapshot at or before LSN " + limit.ToString());
  }
  std::map<uint32_t, std::pair<Lsn, std::vector<SnapshotPart>>> newest;  // by relation OID
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.lsn <= base->lsn || snapshot.lsn > limit) continue;
    ASSIGN_OR_RETURN(std::vector<std::vector<SnapshotPart>> tables, SingleTables(store, snapshot));
    for (std::vector<SnapshotPart>& parts : tables) {
      const uint32_t oid = parts.front().relation.oid;
      newest[oid] = {snapshot.lsn, std::move(parts)};
    }
  }
  ASSIGN_OR_RETURN(Manifest manifest, ReadManifest(store, base->lsn));
  std::map<Lsn, TablesAt> loads;
  loads[base->lsn].base = true;
  loads[base->lsn].definition = std::move(manifest.definition);
  for (SnapshotPart& part : manifest.parts) {
    ASSIGN_OR_RETURN(const Lsn lsn, LsnOfPart(part, base->lsn));
    if (!newest.contains(part.relation.oid)) loads[lsn].parts.push_back(std::move(part));
  }
  for (auto& [oid, table] : newest) Append(std::move(table.second), &loads[table.first].parts);
  std::vector<TablesAt> ordered;
  for (auto& [lsn, load] : loads) {
    load.lsn = lsn;
    if (!load.base) {
      ASSIGN_OR_RETURN(Manifest definition, ReadSnapshotDefinition(store, lsn));
      load.definition = std::move(definition.definition);
    }
    ordered.push_back(std::move(load));
  }
  return ordered;
}

Result<std::vector<TablesAt>> SnapshotsFrom(const Store& store, const Catalog& catalog, Lsn from) {
  std::vector<TablesAt> snapshots;
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.lsn < from) continue;
    TablesAt tables_at{
        .lsn = snapshot.lsn, .base = snapshot.complete, .definition = {}, .parts = {}};
    Manifest manifest;
    if (snapshot.complete) {
      ASSIGN_OR_RETURN(manifest, ReadManifest(store, snapshot.lsn));
      tables_at.parts = std::move(manifest.parts);
    } else {
      ASSIGN_OR_RETURN(std::vector<std::vector<SnapshotPart>> tables,
                       SingleTables(store, snapshot));
      if (tables.empty()) continue;
      for (std::vector<SnapshotPart>& parts : tables) Append(std::move(parts), &tables_at.parts);
      ASSIGN_OR_RETURN(manifest, ReadSnapshotDefinition(store, snapshot.lsn));
    }
    tables_at.definition = std::move(manifest.definition);
    snapshots.push_back(std::move(tables_at));
  }
  return snapshots;
}

}  // namespace trunkline
