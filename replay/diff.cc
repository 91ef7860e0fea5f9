#include "replay/diff.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "replay/table_filter.h"

namespace trunkline {
namespace {

// Which tables are asked for. A name stands for one table at each instant, under its OID.
class AskedTables {
 public:
  explicit AskedTables(const std::vector<std::string>& names) : names_(names) {}

  // The definition at `target` alone costs the blocks with messages.
  Result<void> Learn(const Store& store, const Catalog& catalog, const ResolvedTarget& target) {
    if (names_.empty()) return {};
    StateOptions no_rows;
    no_rows.wanted = [](const QualifiedName&, const Definition&) { return false; };
    ASSIGN_OR_RETURN(const DatabaseState state, BuildState(store, catalog, target, no_rows));
    for (const std::string& name : names_) TRY(Find(name, state.definition));
    return {};
  }

  Result<void> CheckAllFound() const {
    for (const std::string& name : names_) {
      if (found_.contains(name)) continue;
      return Fail(ErrorKind::kNotFound,
                  "the archive has no table \"" + name + "\" at either of the two instants",
                  "trunkline info lists the tables");
    }
    return {};
  }

  StateOptions Options(const DiffOptions& options) const {
    StateOptions state;
    state.progress = options.progress;
    state.memory = options.memory;
    state.memory.bytes /= 2;
    if (names_.empty()) return state;
    state.wanted = [this](const QualifiedName& name, const Definition& definition) {
      const TableDefinition* table = definition.FindTable(name);
      return table != nullptr && oids_.contains(table->oid);
    };
    return state;
  }

 private:
  Result<void> Find(const std::string& name, const Definition& definition) {
    size_t matches = 0;
    for (const TableDefinition& table : definition.tables) {
      if (!table.published || !Names(name, table.name)) continue;
      ++matches;
      oids_.insert(table.oid);
      found_.insert(name);
    }
    if (matches <= 1) return {};
    return Fail(ErrorKind::kInvalidArgument,
                "more than one schema has a table \"" + name + "\" at one of the two instants",
                "name it as schema.table");
  }

  const std::vector<std::string>& names_;
  std::unordered_set<uint32_t> oids_;
  std::unordered_set<std::string> found_;
};

}  // namespace

Result<DatabaseDiff> DatabaseDiff::Make(const Store& store, const Catalog& catalog,
                                        const ResolvedTarget& from, const ResolvedTarget& to,
                                        const DiffOptions& options) {
  AskedTables asked(options.tables);
  TRY(asked.Learn(store, catalog, from));
  TRY(asked.Learn(store, catalog, to));
  TRY(asked.CheckAllFound());
  const StateOptions state_options = asked.Options(options);
  DatabaseDiff diff;
  ASSIGN_OR_RETURN(diff.before_, BuildState(store, catalog, from, state_options));
  ASSIGN_OR_RETURN(diff.after_, BuildState(store, catalog, to, state_options));
  const uint64_t all = options.memory.bytes;
  const uint64_t used = diff.before_.memory_bytes + diff.after_.memory_bytes;
  diff.comparison_ = options.memory;
  diff.comparison_.bytes = std::max(all / 4, all - std::min(all, used));
  return diff;
}

Result<void> DatabaseDiff::ForEachTable(
    const std::function<Result<void>(const TableDiff& table)>& visit) const {
  std::map<uint32_t, std::pair<TableAt, TableAt>> by_oid;
  const auto take = [&](const DatabaseState& state, TableAt std::pair<TableAt, TableAt>::*side) {
    for (const auto& table : state.tables) {
      auto [entry, first] =
          by_oid.try_emplace(table->relation().oid, TableAt{nullptr, &before_.definition},
                             TableAt{nullptr, &after_.definition});
      (entry->second.*side).table = table.get();
    }
  };
  take(before_, &std::pair<TableAt, TableAt>::first);
  take(after_, &std::pair<TableAt, TableAt>::second);
  std::vector<std::pair<TableAt, TableAt>> tables;
  for (const auto& [oid, pair] : by_oid) tables.push_back(pair);
  const auto rank = [](const std::pair<TableAt, TableAt>& pair) {
    const bool dropped = pair.second.table == nullptr;
    const Relation& relation = (dropped ? pair.first : pair.second).table->relation();
    return std::tuple(relation.schema, relation.name, !dropped, relation.oid);
  };
  std::sort(tables.begin(), tables.end(),
            [&](const auto& left, const auto& right) { return rank(left) < rank(right); });
  for (const auto& [before, after] : tables) {
    ASSIGN_OR_RETURN(const TableDiff diff, TableDiff::Make(before, after, comparison_));
    TRY(visit(diff));
  }
  return {};
}

}  // namespace trunkline
