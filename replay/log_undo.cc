#include "replay/log_undo.h"

#include <algorithm>

#include "replay/reversed_records.h"
#include "replay/sql_commands.h"
#include "replay/state.h"
#include "replay/undo_collector.h"

namespace trunkline {
namespace {

constexpr uint64_t kUndoMemoryBytes = 8 << 20;

// Without a target: the first base snapshot, before which nothing can be rebuilt.
Result<ResolvedTarget> ResolveUndoFrom(const Store& store, const Catalog& catalog,
                                       const std::optional<Target>& from) {
  if (from) return ResolveTarget(store, catalog, *from);
  const auto first = std::find_if(catalog.snapshots.begin(), catalog.snapshots.end(),
                                  [](const SnapshotEntry& entry) { return entry.complete; });
  if (first != catalog.snapshots.end()) return ResolveTarget(store, catalog, first->lsn);
  return Fail(ErrorKind::kNotFound, "the archive has no base snapshot to start from",
              "let trunklined finish one");
}

}  // namespace

Result<UndoOutcome> WriteUndo(const Store& store, const Catalog& catalog, const LogFilter& filter,
                              const UndoOptions& options,
                              const std::function<Result<void>(std::string_view text)>& write) {
  ASSIGN_OR_RETURN(const ResolvedTarget from, ResolveUndoFrom(store, catalog, options.from));
  ASSIGN_OR_RETURN(const Lsn to, ResolveLimit(store, catalog, options.to));
  if (to < from.limit) return Fail(ErrorKind::kInvalidArgument, "--to is before --from");
  StateOptions state_options;
  if (!options.table.empty()) state_options.tables = {options.table};
  state_options.progress = options.progress;
  state_options.memory = options.memory;
  ReversedRecords commands(kUndoMemoryBytes, options.scratch_folder);
  UndoCollector collector(filter, &commands);
  TRY(FoldOnward(store, catalog, from, to, state_options, &collector));
  if (!collector.knows_table() && !filter.all()) {
    return Fail(ErrorKind::kNotFound, "the archive knows no table \"" + options.table + "\"",
                "trunkline info lists the tables");
  }
  TRY(write(kSqlSettings));
  TRY(commands.ForEach(write));
  return UndoOutcome{collector.warnings()};
}

}  // namespace trunkline
