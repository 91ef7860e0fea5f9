// DatabaseState: the rows of every table at a target, folded in process from a base snapshot and
// the changes after it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/catalog.h"
#include "archive/cell.h"
#include "archive/definition.h"
#include "archive/rebuild_start.h"
#include "archive/store.h"
#include "base/error.h"
#include "decoder/change.h"
#include "decoder/relation.h"
#include "replay/memory_options.h"
#include "replay/rows_part.h"
#include "replay/skip_observer.h"
#include "replay/target.h"

namespace trunkline {

class TableState {
 public:
  virtual ~TableState() = default;
  // As in force at the target.
  virtual const Relation& relation() const = 0;
  virtual uint64_t row_count() const = 0;
  // Visits the rows numbered [first, first + count) in a fixed order; values are kNull or kText. A
  // row is valid during its visit. Any number of threads may visit at once.
  virtual Result<void> ForEachRow(uint64_t first, uint64_t count,
                                  const std::function<Result<void>(Tuple row)>& visit) const = 0;
  // The same rows as cells, which CellOf has made of their values: for who can use numbers.
  using CellsVisit = std::function<Result<void>(std::span<const Cell> row)>;
  virtual Result<void> ForEachCells(uint64_t first, uint64_t count, const CellsVisit& visit) const;
};

// A table whose rows the archive cannot tell at the target.
struct DoubtfulTable {
  Relation relation;
  Error doubt;  // kGap, with the bounds within which it is
};

struct DatabaseState {
  ResolvedTarget target;
  Definition definition;                            // in force at the target
  std::vector<std::unique_ptr<TableState>> tables;  // by schema and name; empty tables too
  std::vector<DoubtfulTable> doubtful;              // left out, where StateOptions says so
  std::vector<std::string> warnings;  // what a person should know about the state; one line each
  uint64_t memory_bytes = 0;          // that the rows take, at most three quarters of what they may

  const TableState* FindTable(const QualifiedName& name) const;
};

class FoldObserver;

struct StateOptions {
  // Tables to rebuild, "schema.table" or "table" where only one schema has it; empty: all.
  std::vector<std::string> tables;
  // Narrows `tables` further: whether to rebuild a table, asked at its first sight with the
  // definition then in force. Null: all of them. Tables left out are not in the state.
  std::function<bool(const QualifiedName& table, const Definition& definition)> wanted;
  // Only the rows that fall into this part. Costs the memory of those alone, unless what happened
  // to a table takes all of its rows to tell: then it is folded as a whole first.
  RowsPart part = {};
  MemoryOptions memory = {};
  // Leaves tables in doubt out of the state, as DatabaseState::doubtful, where an error would say
  // so.
  bool leave_doubtful_out = false;
  // Leaves out the transactions whose commit records begin at these LSNs, all before the target;
  // `skip_observer`, not owned, is told what comes of it. The rebuild then begins before the first.
  std::vector<Lsn> skip;
  SkipObserver* skip_observer = nullptr;
  // Bytes of the archive read so far and in all; may be null.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

// What BuildState reads for a target: snapshots, each with the changes that come up to the next
// one.
struct RebuildPlan {
  struct Step {
    TablesAt tables;
    Lsn until;
    std::vector<ObjectInfo> segments;
  };
  std::vector<Step> steps;
  std::vector<ObjectInfo> snapshot_parts;
  std::vector<ObjectInfo> segments;
  uint64_t bytes = 0;
};
struct PlanOptions {
  // With the changes after the target up to there, but no snapshot of that time.
  std::optional<Lsn> until = {};
  // As in StateOptions: a snapshot that is later holds what they wrote.
  std::vector<Lsn> skip = {};
};
// kNotFound when there is no snapshot before the target, or before the first of those to skip.
Result<RebuildPlan> PlanRebuild(const Store& store, const Catalog& catalog,
                                const ResolvedTarget& target, const PlanOptions& options = {});

// kNotFound for a table that the archive does not know at that target; kGap, with bounds, for one
// whose rows the archive cannot tell.
Result<DatabaseState> BuildState(const Store& store, const Catalog& catalog,
                                 const ResolvedTarget& target, const StateOptions& options);

// Takes the state at `from` on to the transactions whose commit record begins before `to`, and
// shows `observer` each change on that way before it is folded. Snapshots after `from` are passed
// over, so that a table that comes into doubt stays so. kGap, with bounds, for a gap up to `to`;
// the observer's own errors.
Result<void> FoldOnward(const Store& store, const Catalog& catalog, const ResolvedTarget& from,
                        Lsn to, const StateOptions& options, FoldObserver* observer);

}  // namespace trunkline
