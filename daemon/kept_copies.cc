#include "daemon/kept_copies.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "archive/definition.h"
#include "archive/manifest.h"

namespace trunkline {
namespace {

// Ages of transactions are compared within half of the 2^32 that there are.
constexpr uint64_t kMaxAge = uint64_t{1} << 30;

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

bool Overlap(const CopiedPages& a, const CopiedPages& b) {
  return (b.end == 0 || a.begin < b.end) && (a.end == 0 || b.begin < a.end);
}

// Goes through the folders of attempts that were cut short.
class Keeper {
 public:
  Keeper(Store* store, const Appender& appender, const SnapshotInProgress& snapshot)
      : store_(store), appender_(appender), snapshot_(snapshot) {}

  Result<void> Open() {
    ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store_->List("snapshots/"));
    const Catalog catalog = CatalogOf(std::move(objects));
    ASSIGN_OR_RETURN(now_, ParseDefinition(snapshot_.described.document));
    for (auto entry = catalog.snapshots.rbegin(); entry != catalog.snapshots.rend(); ++entry) {
      if (entry->complete || entry->lsn <= snapshot_.newest_base) continue;
      Folder& folder = folders_.emplace_back();
      folder.entry = *entry;
      if (!entry->has_definition || entry->lsn < snapshot_.unbroken_from) continue;
      ASSIGN_OR_RETURN(const Manifest at, ReadSnapshotDefinition(*store_, entry->lsn));
      ASSIGN_OR_RETURN(Definition before, ParseDefinition(at.definition));
      const bool same =
          at.publication_state == snapshot_.publication_state && before.types == now_.types;
      if (same) folder.before = std::move(before);
    }
    return {};
  }

  // Tables that are whole.
  Result<void> KeepTables() {
    for (const Folder& folder : folders_) {
      for (const ObjectInfo& object : folder.entry.tables) {
        ASSIGN_OR_RETURN(SegmentHeader header, ReadTableManifest(*store_, object.name));
        const uint32_t oid = header.parts.front().relation.oid;
        if (IsGood(folder, header) && kept_.oids.insert(oid).second) {
          std::move(header.parts.begin(), header.parts.end(), std::back_inserter(kept_.parts));
        } else if (!appender_.has_complete_snapshot() && IsUsable(folder)) {
          voided_.push_back(object.name);
          continue;
        }
        whole_.insert(oid);
      }
    }
    return {};
  }

  // What a manifest of a table lists stays, whether or not this snapshot has a use for it.
  Result<void> NoteTables() {
    for (const Folder& folder : folders_) {
      for (const ObjectInfo& object : folder.entry.tables) {
        ASSIGN_OR_RETURN(const SegmentHeader header, ReadTableManifest(*store_, object.name));
        whole_.insert(header.parts.front().relation.oid);
      }
    }
    return {};
  }

  // `wanted` null: all tables.
  Result<void> KeepPages(const std::unordered_set<uint32_t>* wanted) {
    for (const Folder& folder : folders_) {
      for (const ObjectInfo& object : folder.entry.pages) {
        ASSIGN_OR_RETURN(SegmentHeader header, ReadPagesManifest(*store_, object.name));
        const uint32_t oid = header.parts.front().relation.oid;
        const bool is_wanted = wanted == nullptr || wanted->contains(oid);
        if (is_wanted && !kept_.oids.contains(oid) && IsGood(folder, header) &&
            AreInPlace(header)) {
          KeptCopies::Pages& pages = kept_.pages[oid];
          pages.ranges.push_back(*header.pages);
          std::move(header.parts.begin(), header.parts.end(), std::back_inserter(pages.parts));
        } else if (!whole_.contains(oid)) {
          voided_.push_back(object.name);
        }
      }
    }
    return {};
  }

  Result<KeptCopies> Finish() {
    TRY(store_->Remove(voided_));
    if (!voided_.empty()) TRY(appender_.RemoveIncompleteSnapshots());
    for (auto& [oid, pages] : kept_.pages) {
      std::sort(pages.ranges.begin(), pages.ranges.end(),
                [](const auto& a, const auto& b) { return a.begin < b.begin; });
    }
    if (!kept_.oids.empty()) {
      spdlog::info("{} tables are there already, from an attempt that was cut short",
                   kept_.oids.size());
    }
    if (!kept_.pages.empty()) {
      spdlog::info("parts of {} tables are there already, from an attempt that was cut short",
                   kept_.pages.size());
    }
    return std::move(kept_);
  }

 private:
  struct Folder {
    SnapshotEntry entry;
    std::optional<Definition> before;  // where what was published has not changed since
  };

  bool IsUsable(const Folder& folder) const {
    return folder.entry.has_definition && folder.entry.lsn >= snapshot_.unbroken_from;
  }

  bool IsGood(const Folder& folder, const SegmentHeader& header) const {
    return folder.before.has_value() && header.timeline == snapshot_.source.timeline &&
           IsSame(*folder.before, now_, snapshot_.described, header.parts.front().relation);
  }

  // Whether the rows that the pages had then are still in them, but for those that the changes
  // since then tell of by their keys; and whether what has come into them can be told by its age.
  bool AreInPlace(const SegmentHeader& header) const {
    const Relation& table = header.parts.front().relation;
    const TableFile* file = snapshot_.files.Find(table.oid);
    if (file == nullptr || !file->heap || file->file_node != header.pages->file_node ||
        !IsFoundByKey(table) || snapshot_.files.xmax - header.pages->snapshot_xmin > kMaxAge) {
      return false;
    }
    const auto kept = kept_.pages.find(table.oid);
    return kept == kept_.pages.end() ||
           std::none_of(kept->second.ranges.begin(), kept->second.ranges.end(),
                        [&](const CopiedPages& range) { return Overlap(range, *header.pages); });
  }

  Store* const store_;
  const Appender& appender_;
  const SnapshotInProgress& snapshot_;
  Definition now_;
  std::vector<Folder> folders_;  // newest first
  KeptCopies kept_;
  std::unordered_set<uint32_t> whole_;  // tables with a manifest that stays
  std::vector<std::string> voided_;
};

}  // namespace

Result<KeptCopies> KeepCopies(Store* store, const Appender& appender,
                              const SnapshotInProgress& snapshot) {
  Keeper keeper(store, appender, snapshot);
  TRY(keeper.Open());
  TRY(keeper.KeepTables());
  TRY(keeper.KeepPages(nullptr));
  return keeper.Finish();
}

Result<KeptCopies> KeepPages(Store* store, const Appender& appender,
                             const SnapshotInProgress& snapshot,
                             const std::unordered_set<uint32_t>& wanted) {
  Keeper keeper(store, appender, snapshot);
  TRY(keeper.Open());
  TRY(keeper.NoteTables());
  TRY(keeper.KeepPages(&wanted));
  return keeper.Finish();
}

bool IsFoundByKey(const Relation& table) {
  return (table.identity == ReplicaIdentity::kDefault ||
          table.identity == ReplicaIdentity::kIndex) &&
         std::any_of(table.columns.begin(), table.columns.end(),
                     [](const RelationColumn& column) { return column.key; });
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
