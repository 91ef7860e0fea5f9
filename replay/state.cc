#include "replay/state.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "replay/fold.h"
#include "replay/manifest.h"
#include "replay/table_filter.h"

namespace trunkline {
namespace {

// Reads a state's blocks, with the bytes read so far counted over all of them.
class Builder {
 public:
  Builder(const Store& store, const StateOptions& options, const RebuildPlan& plan)
      : store_(store), options_(options), plan_(plan), filter_(options) {}

  Result<Fold::Outcome> Build(const ResolvedTarget& target, Manifest manifest) {
    ASSIGN_OR_RETURN(Definition definition, ParseDefinition(manifest.definition));
    TRY(filter_.Learn(manifest.parts, definition, store_, plan_.segments));
    Fold fold([this](uint32_t oid) { return filter_.Wants(oid); });
    fold.Start(manifest.parts, std::move(definition));
    TRY(AddSnapshot(manifest.parts, &fold));
    TRY(AddChanges(target, &fold));
    return fold.Finish([this](const Relation& relation) {
      return std::any_of(options_.tables.begin(), options_.tables.end(),
                         [&](const std::string& asked) {
                           return Names(asked, {relation.schema, relation.name});
                         });
    });
  }

 private:
  Result<void> AddSnapshot(const std::vector<SnapshotPart>& parts, Fold* fold) {
    std::unordered_map<std::string, const SnapshotPart*> expected;  // not seen yet
    std::vector<ObjectInfo> objects;
    for (const SnapshotPart& part : parts) {
      if (!filter_.Wants(part.relation.oid) || part.rows == 0) continue;
      expected[part.name] = &part;
      objects.push_back({part.name, SizeOf(part.name)});
    }
    const auto add = [&](const ReadAhead::Item& item) -> Result<void> {
      TRY(CheckPart(*item.reader, &expected));
      return fold->Add(item, Lsn{}, Lsn{UINT64_MAX});
    };
    TRY(Play(std::move(objects), nullptr, add));
    if (expected.empty()) return {};
    return Fail(WrongPart(expected.begin()->first));
  }

  static Error WrongPart(const std::string& name) {
    return Error{ErrorKind::kCorrupt, name + " is not the part that the snapshot's manifest lists",
                 "trunkline verify finds all damage"};
  }

  static Result<void> CheckPart(const SegmentReader& reader,
                                std::unordered_map<std::string, const SnapshotPart*>* expected) {
    const auto part = expected->find(reader.name());
    if (part == expected->end()) return {};  // checked at its first block
    if (part->second->digest != reader.digest() || part->second->rows != reader.changes()) {
      return Fail(WrongPart(reader.name()));
    }
    expected->erase(part);
    return {};
  }

  Result<void> AddChanges(const ResolvedTarget& target, Fold* fold) {
    const auto wanted = [&](const SegmentReader& reader, const BlockStats& block) {
      if (block.commit_lsn_max < target.snapshot || block.commit_lsn_min >= target.limit) {
        return false;
      }
      if (filter_.all() || block.has_messages) return true;
      return std::any_of(block.relations.begin(), block.relations.end(),
                         [&](const BlockRelationStats& relation) {
                           return filter_.Wants(reader.relations()[relation.relation_index].oid);
                         });
    };
    return Play(plan_.segments, wanted, [&](const ReadAhead::Item& item) {
      return fold->Add(item, target.snapshot, target.limit);
    });
  }

  Result<void> Play(std::vector<ObjectInfo> objects, const ReadAhead::Filter& wanted,
                    const std::function<Result<void>(const ReadAhead::Item&)>& add) {
    uint64_t bytes = 0;
    for (const ObjectInfo& object : objects) bytes += object.size;
    ReadAhead blocks(store_, std::move(objects), wanted);
    for (;;) {
      ASSIGN_OR_RETURN(const ReadAhead::Item* item, blocks.Next());
      if (item == nullptr) break;
      TRY(add(*item));
      if (options_.progress) options_.progress(done_ + item->position, plan_.bytes);
    }
    done_ += bytes;
    return {};
  }

  uint64_t SizeOf(const std::string& part) const {
    for (const ObjectInfo& object : plan_.snapshot_parts) {
      if (object.name == part) return object.size;
    }
    return 0;
  }

  const Store& store_;
  const StateOptions& options_;
  const RebuildPlan& plan_;
  TableFilter filter_;
  uint64_t done_ = 0;
};

QualifiedName NameOf(const TableState& table) {
  return {table.relation().schema, table.relation().name};
}

// The tables that bear an asked-for name at the target, each name standing for exactly one.
Result<void> KeepAskedFor(const std::vector<std::string>& asked,
                          std::vector<std::unique_ptr<FoldedTable>>* tables) {
  if (asked.empty()) return {};
  for (const std::string& name : asked) {
    const auto matches = std::count_if(tables->begin(), tables->end(), [&](const auto& table) {
      return Names(name, NameOf(*table));
    });
    if (matches == 0) {
      return Fail(ErrorKind::kNotFound, "the archive has no table \"" + name + "\" at the target",
                  "trunkline info lists the tables");
    }
    if (matches > 1) {
      return Fail(ErrorKind::kInvalidArgument,
                  "more than one schema has a table \"" + name + "\" at the target",
                  "name it as schema.table");
    }
  }
  std::erase_if(*tables, [&](const auto& table) {
    return std::none_of(asked.begin(), asked.end(),
                        [&](const std::string& name) { return Names(name, NameOf(*table)); });
  });
  return {};
}

}  // namespace

const TableState* DatabaseState::FindTable(const QualifiedName& name) const {
  for (const std::unique_ptr<TableState>& table : tables) {
    if (NameOf(*table) == name) return table.get();
  }
  return nullptr;
}

Result<RebuildPlan> PlanRebuild(const Catalog& catalog, const ResolvedTarget& target) {
  RebuildPlan plan;
  const SnapshotEntry* snapshot = catalog.SnapshotAtOrBefore(target.limit);
  if (snapshot == nullptr || snapshot->lsn != target.snapshot) {
    return Fail(ErrorKind::kNotFound,
                "the archive has no base snapshot at LSN " + target.snapshot.ToString());
  }
  plan.snapshot_parts = snapshot->parts;
  ASSIGN_OR_RETURN(const std::vector<SegmentEntry> segments,
                   SegmentsBetween(catalog, target.snapshot, target.limit));
  for (const SegmentEntry& segment : segments) {
    plan.segments.push_back({segment.name, segment.size});
  }
  for (const ObjectInfo& object : plan.snapshot_parts) plan.bytes += object.size;
  for (const ObjectInfo& object : plan.segments) plan.bytes += object.size;
  return plan;
}

Result<DatabaseState> BuildState(const Store& store, const Catalog& catalog,
                                 const ResolvedTarget& target, const StateOptions& options) {
  ASSIGN_OR_RETURN(const RebuildPlan plan, PlanRebuild(catalog, target));
  ASSIGN_OR_RETURN(Manifest manifest, ReadManifest(store, target.snapshot));
  ASSIGN_OR_RETURN(Fold::Outcome outcome,
                   Builder(store, options, plan).Build(target, std::move(manifest)));
  TRY(KeepAskedFor(options.tables, &outcome.tables));
  DatabaseState state;
  state.target = target;
  state.definition = std::move(outcome.definition);
  state.warnings = std::move(outcome.warnings);
  for (std::unique_ptr<FoldedTable>& table : outcome.tables) {
    if (table->doubt()) return Fail(*table->doubt());
    state.tables.push_back(std::move(table));
  }
  return state;
}

}  // namespace trunkline
