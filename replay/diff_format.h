// DiffFormat: how `trunkline diff` writes what differs. docs/diff.md shows each format.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "replay/table_diff.h"

namespace trunkline {

using WriteText = std::function<Result<void>(std::string_view text)>;

class DiffFormat {
 public:
  virtual ~DiffFormat() = default;
  virtual Result<void> Begin(const WriteText&) { return {}; }
  // kUnsupported, naming the table, where the format has no way to say what differs.
  virtual Result<void> Add(const TableDiff& table, const WriteText& write) = 0;
  virtual Result<void> End(const WriteText&) { return {}; }
};

// "text", "jsonl" or "sql"; kInvalidArgument for anything else, and for a summary in SQL. Only the
// summary of each table is written where `summary_alone`.
Result<std::unique_ptr<DiffFormat>> NewDiffFormat(std::string_view name, bool summary_alone);

// A line a row that differs, and a table of the tables.
std::unique_ptr<DiffFormat> NewTextDiffFormat(bool summary_alone);
// One JSON object a row that differs, and one a table.
std::unique_ptr<DiffFormat> NewJsonDiffFormat(bool summary_alone);
// One transaction of commands that lead from the one state to the other.
std::unique_ptr<DiffFormat> NewSqlDiffFormat();

// Names of columns that a table gained and lost, and "old -> new" of those that were renamed.
struct ColumnChanges {
  std::vector<std::string> added;
  std::vector<std::string> dropped;
  std::vector<std::pair<std::string, std::string>> renamed;
};
ColumnChanges ColumnChangesOf(const TableDiff& table);

}  // namespace trunkline
