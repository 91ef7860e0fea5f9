// DatabaseDiff: what differs in a database between two instants, table by table.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/state.h"
#include "replay/table_diff.h"
#include "replay/target.h"

namespace trunkline {

struct DiffOptions {
  // Tables to compare, "schema.table" or "table", as they are called at either instant; empty: all.
  std::vector<std::string> tables;
  // Each of the states gets half of it, of which three quarters stay in use at the most. What
  // compares them gets the rest: a quarter of all, or more.
  MemoryOptions memory = {};
  // Bytes of the archive read so far and in all, for each state by itself; may be null.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

// Two states of one database; takes the memory of both, and while tables are compared that of a
// TableDiff.
class DatabaseDiff {
 public:
  // `from` may be the later one. kNotFound for a table that neither instant has, kGap for one whose
  // rows the archive cannot tell.
  static Result<DatabaseDiff> Make(const Store& store, const Catalog& catalog,
                                   const ResolvedTarget& from, const ResolvedTarget& to,
                                   const DiffOptions& options);

  const DatabaseState& before() const { return before_; }
  const DatabaseState& after() const { return after_; }
  // Compares the tables one after the other, by their names: a table is the same as one of its OID,
  // whatever it is called. A comparison is valid during its visit.
  Result<void> ForEachTable(const std::function<Result<void>(const TableDiff& table)>& visit) const;

 private:
  DatabaseState before_;
  DatabaseState after_;
  MemoryOptions comparison_;
};

}  // namespace trunkline
