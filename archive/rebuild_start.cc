#include "archive/rebuild_start.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <unordered_map>
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

Result<Lsn> LsnOfPart(const SnapshotPart& part, Lsn snapshot) {
  const std::optional<Lsn> lsn = SnapshotLsnOf(part.name);
  if (lsn.has_value() && *lsn <= snapshot) return *lsn;
  return Fail(ErrorKind::kCorrupt,
              "a snapshot at " + snapshot.ToString() + " lists " + part.name +
                  ", which cannot be a part of it",
              "trunkline verify finds all damage");
}

// Puts each part to where it is of.
Result<void> AddParts(std::vector<SnapshotPart> parts, Lsn snapshot,
                      std::map<Lsn, TablesAt>* loads) {
  for (SnapshotPart& part : parts) {
    ASSIGN_OR_RETURN(const Lsn lsn, LsnOfPart(part, snapshot));
    (*loads)[lsn].parts.push_back(std::move(part));
  }
  return {};
}

// Tables with parts at several LSNs, from the first of these up to the last, whatever other tables'
// snapshots lie between.
void MarkIncomplete(std::vector<TablesAt>* ordered) {
  std::unordered_map<uint32_t, Lsn> whole_at;
  for (const TablesAt& load : *ordered) {
    for (const SnapshotPart& part : load.parts) whole_at[part.relation.oid] = load.lsn;
  }
  std::unordered_set<uint32_t> begun;
  for (TablesAt& load : *ordered) {
    for (const SnapshotPart& part : load.parts) begun.insert(part.relation.oid);
    std::erase_if(begun, [&](uint32_t oid) { return whole_at.at(oid) <= load.lsn; });
    load.incomplete = begun;
  }
}

// Tables of which some parts are of the snapshot's LSN, and others of earlier ones.
std::unordered_set<uint32_t> SpreadTables(const TablesAt& snapshot) {
  std::unordered_set<uint32_t> here;
  for (const SnapshotPart& part : snapshot.parts) {
    if (SnapshotLsnOf(part.name) == snapshot.lsn) here.insert(part.relation.oid);
  }
  std::unordered_set<uint32_t> spread;
  for (const SnapshotPart& part : snapshot.parts) {
    const bool earlier = SnapshotLsnOf(part.name) != snapshot.lsn;
    if (earlier && here.contains(part.relation.oid)) spread.insert(part.relation.oid);
  }
  return spread;
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
  std::erase_if(manifest.parts,
                [&](const SnapshotPart& part) { return newest.contains(part.relation.oid); });
  TRY(AddParts(std::move(manifest.parts), base->lsn, &loads));
  for (auto& [oid, table] : newest) TRY(AddParts(std::move(table.second), table.first, &loads));
  std::vector<TablesAt> ordered;
  for (auto& [lsn, load] : loads) {
    load.lsn = lsn;
    if (!load.base) {
      ASSIGN_OR_RETURN(Manifest definition, ReadSnapshotDefinition(store, lsn));
      load.definition = std::move(definition.definition);
    }
    ordered.push_back(std::move(load));
  }
  MarkIncomplete(&ordered);
  return ordered;
}

Result<std::vector<TablesAt>> SnapshotsFrom(const Store& store, const Catalog& catalog, Lsn from) {
  std::vector<TablesAt> snapshots;
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.lsn < from) continue;
    TablesAt tables_at;
    tables_at.lsn = snapshot.lsn;
    tables_at.base = snapshot.complete;
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

Result<void> PartByLsn(const Store& store, std::vector<TablesAt>* snapshots) {
  std::map<Lsn, TablesAt> ordered;
  for (TablesAt& snapshot : *snapshots) ordered[snapshot.lsn] = std::move(snapshot);
  std::vector<std::pair<Lsn, SnapshotPart>> earlier;
  for (auto& [lsn, snapshot] : ordered) {
    const std::unordered_set<uint32_t> spread = SpreadTables(snapshot);
    std::erase_if(snapshot.parts, [&, at = lsn](const SnapshotPart& part) {
      const Lsn of_part = SnapshotLsnOf(part.name).value_or(at);
      if (of_part >= at || !spread.contains(part.relation.oid)) return false;
      earlier.emplace_back(of_part, part);
      return true;
    });
  }
  for (auto& [lsn, part] : earlier) {
    TablesAt& snapshot = ordered[lsn];
    if (!snapshot.lsn.valid()) {
      snapshot.lsn = lsn;
      ASSIGN_OR_RETURN(Manifest manifest, ReadSnapshotDefinition(store, lsn));
      snapshot.definition = std::move(manifest.definition);
    }
    snapshot.incomplete.insert(part.relation.oid);
    snapshot.parts.push_back(std::move(part));
  }
  snapshots->clear();
  for (auto& [lsn, snapshot] : ordered) snapshots->push_back(std::move(snapshot));
  return {};
}

bool ReachAcross(const std::vector<TablesAt>& snapshots, Lsn lsn) {
  return std::any_of(snapshots.begin(), snapshots.end(), [lsn](const TablesAt& snapshot) {
    const std::unordered_set<uint32_t> spread = SpreadTables(snapshot);
    return snapshot.lsn > lsn &&
           std::any_of(snapshot.parts.begin(), snapshot.parts.end(), [&](const auto& part) {
             return spread.contains(part.relation.oid) &&
                    SnapshotLsnOf(part.name).value_or(snapshot.lsn) <= lsn;
           });
  });
}

}  // namespace trunkline
