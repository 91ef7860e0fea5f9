#include "replay/state.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "replay/fold.h"
#include "replay/newest_catalog.h"
#include "replay/plan_filter.h"
#include "replay/table_filter.h"

namespace trunkline {
namespace {

// Plays a plan's steps, with the bytes read so far counted over all of them.
class Builder {
 public:
  // `shows_all`: to an observer.
  Builder(const Store& store, const StateOptions& options, const RebuildPlan& plan,
          bool shows_all = false)
      : store_(store), options_(options), plan_(plan), filter_(options, plan, shows_all) {}

  Result<Fold::Outcome> Build() {
    Fold fold([this](uint32_t oid) { return filter_.WantsSince(oid, at_); });
    fold.set_part(options_.part);
    fold.set_memory(options_.memory);
    std::unordered_set<uint64_t> skip;
    for (const Lsn lsn : options_.skip) skip.insert(lsn.value);
    fold.set_skip(std::move(skip), options_.skip_observer);
    TRY(PlayPlan(&fold));
    return fold.Finish([this](const Relation& relation) {
      return std::any_of(options_.tables.begin(), options_.tables.end(),
                         [&](const std::string& asked) {
                           return Names(asked, {relation.schema, relation.name});
                         });
    });
  }

  Result<void> Observe(FoldObserver* observer, Lsn from) {
    Fold fold([this](uint32_t oid) { return filter_.WantsSince(oid, at_); });
    fold.set_memory(options_.memory);
    fold.set_observer(observer, from);
    TRY(PlayPlan(&fold));
    return fold.EndObservation(plan_.steps.back().until);
  }

 private:
  Result<void> PlayPlan(Fold* fold) {
    TRY(filter_.Learn(store_));
    for (const RebuildPlan::Step& step : plan_.steps) {
      at_ = step.tables.lsn;
      ASSIGN_OR_RETURN(Definition definition, ParseDefinition(step.tables.definition));
      if (&step == &plan_.steps.front()) {
        fold->Start(at_, step.tables.parts, std::move(definition));
      } else {
        TRY(fold->Load(at_, step.tables.parts, std::move(definition)));
      }
      TRY(AddSnapshot(step.tables.parts, fold));
      fold->EndLoad(step.tables.incomplete);
      TRY(AddChanges(step, fold));
    }
    return {};
  }

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
    TRY(Play(std::move(objects), nullptr, fold, add));
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

  Result<void> AddChanges(const RebuildPlan::Step& step, Fold* fold) {
    const auto wanted = [&](const SegmentReader& reader, const BlockStats& block) {
      return filter_.WantsBlock(step, reader, block);
    };
    return Play(step.segments, wanted, fold, [&](const ReadAhead::Item& item) {
      return fold->Add(item, step.tables.lsn, step.until);
    });
  }

  Result<void> Play(std::vector<ObjectInfo> objects, const ReadAhead::Filter& wanted, Fold* fold,
                    const std::function<Result<void>(const ReadAhead::Item&)>& add) {
    uint64_t bytes = 0;
    for (const ObjectInfo& object : objects) bytes += object.size;
    const BlockForm form = fold->needs_tuples() ? BlockForm::kTuples : BlockForm::kCells;
    ReadAhead blocks(store_, std::move(objects), wanted, form,
                     [fold](ReadAhead::Item* item) { fold->PrepareItem(item); });
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
  PlanFilter filter_;
  Lsn at_;  // the snapshot loaded last
  uint64_t done_ = 0;
};

// Folds the part alone where that tells its rows, and else all of them. A part cannot tell whether
// a table in doubt has rows elsewhere, nor what others left out of it.
Result<Fold::Outcome> FoldPlan(const Store& store, const StateOptions& options,
                               const RebuildPlan& plan) {
  if (!options.part.is_whole() && options.skip.empty()) {
    Result<Fold::Outcome> outcome = Builder(store, options, plan).Build();
    const bool told = outcome && std::none_of(outcome->tables.begin(), outcome->tables.end(),
                                              [](const auto& table) { return table->doubt(); });
    if (told || (!outcome && outcome.error().kind != ErrorKind::kUnsupported)) return outcome;
  }
  StateOptions whole = options;
  whole.part = {};
  return Builder(store, whole, plan).Build();
}

// The error of a table in doubt, with the bounds within which it is.
Result<Error> WithBounds(const Store& store, const Catalog& catalog, const FoldedTable& table,
                         Lsn limit) {
  Error error = *table.doubt();
  ASSIGN_OR_RETURN(const std::vector<TablesAt> later, SnapshotsFrom(store, catalog, limit));
  const uint32_t oid = table.relation().oid;
  const auto again = std::find_if(later.begin(), later.end(), [&](const TablesAt& snapshot) {
    return snapshot.lsn > limit &&
           std::any_of(snapshot.parts.begin(), snapshot.parts.end(),
                       [oid](const SnapshotPart& part) { return part.relation.oid == oid; });
  });
  error.message += "; in doubt from " + table.doubtful_from().ToString() +
                   (again == later.end() ? " on, with no snapshot of it since"
                                         : " until its snapshot at " + again->lsn.ToString());
  return error;
}

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

Result<void> TableState::ForEachCells(uint64_t first, uint64_t count,
                                      const CellsVisit& visit) const {
  std::vector<Cell> cells;
  return ForEachRow(first, count, [&](Tuple row) {
    cells.clear();
    for (const Value& value : row) cells.push_back(CellOf(value));
    return visit(cells);
  });
}

const TableState* DatabaseState::FindTable(const QualifiedName& name) const {
  for (const std::unique_ptr<TableState>& table : tables) {
    if (NameOf(*table) == name) return table.get();
  }
  return nullptr;
}

Result<RebuildPlan> PlanRebuild(const Store& store, const Catalog& catalog,
                                const ResolvedTarget& target, const PlanOptions& options) {
  RebuildPlan plan;
  const Lsn end = options.until.value_or(target.limit);
  Lsn newest = target.limit;
  for (const Lsn lsn : options.skip) newest = std::min(newest, lsn);
  ASSIGN_OR_RETURN(std::vector<TablesAt> snapshots, SnapshotsFor(store, catalog, newest));
  const Lsn start = snapshots.front().lsn;
  ASSIGN_OR_RETURN(const std::vector<SegmentEntry> segments, SegmentsBetween(catalog, start, end));
  for (const SegmentEntry& segment : segments) {
    plan.segments.push_back({segment.name, segment.size});
  }
  std::unordered_map<std::string, uint64_t> sizes;
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    for (const ObjectInfo& part : snapshot.parts) sizes.emplace(part.name, part.size);
  }
  for (size_t i = 0; i < snapshots.size(); ++i) {
    for (const SnapshotPart& part : snapshots[i].parts) {
      plan.snapshot_parts.push_back({part.name, sizes[part.name]});
      plan.bytes += sizes[part.name];
    }
    RebuildPlan::Step step{.tables = std::move(snapshots[i]), .until = end, .segments = {}};
    if (i + 1 < snapshots.size()) step.until = snapshots[i + 1].lsn;
    for (const SegmentEntry& segment : segments) {
      if (segment.end <= step.tables.lsn || segment.begin >= step.until) continue;
      step.segments.push_back({segment.name, segment.size});
      plan.bytes += segment.size;
    }
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

namespace {

Result<DatabaseState> BuildOnce(const Store& store, const Catalog& catalog,
                                const ResolvedTarget& target, const StateOptions& options) {
  ASSIGN_OR_RETURN(const RebuildPlan plan,
                   PlanRebuild(store, catalog, target, {.skip = options.skip}));
  ASSIGN_OR_RETURN(Fold::Outcome outcome, FoldPlan(store, options, plan));
  TRY(KeepAskedFor(options.tables, &outcome.tables));
  DatabaseState state;
  state.target = target;
  state.definition = std::move(outcome.definition);
  state.warnings = std::move(outcome.warnings);
  state.memory_bytes = outcome.memory_bytes;
  for (std::unique_ptr<FoldedTable>& table : outcome.tables) {
    if (table->doubt()) {
      ASSIGN_OR_RETURN(Error error, WithBounds(store, catalog, *table, target.limit));
      if (!options.leave_doubtful_out) return Fail(std::move(error));
      state.doubtful.push_back({table->relation(), std::move(error)});
      continue;
    }
    state.tables.push_back(std::move(table));
  }
  if (!options.part.is_whole()) TRY(KeepRows(options.part, &state));
  return state;
}

}  // namespace

Result<DatabaseState> BuildState(const Store& store, const Catalog& catalog,
                                 const ResolvedTarget& target, const StateOptions& options) {
  const auto build = [&](const Catalog& now) { return BuildOnce(store, now, target, options); };
  // What becomes of it has been told already.
  if (!options.skip.empty()) return build(catalog);
  return OnNewestCatalog<DatabaseState>(store, catalog, build);
}

Result<void> FoldOnward(const Store& store, const Catalog& catalog, const ResolvedTarget& from,
                        Lsn to, const StateOptions& options, FoldObserver* observer) {
  ASSIGN_OR_RETURN(const RebuildPlan plan, PlanRebuild(store, catalog, from, {.until = to}));
  return Builder(store, options, plan, /*shows_all=*/true).Observe(observer, from.limit);
}

}  // namespace trunkline
