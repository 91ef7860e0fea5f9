// Which tables a rebuild makes, with which columns: the relations in force, and the partitioned
// tables above and the partitions below them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "replay/ddl.h"
#include "replay/ddl_text.h"

namespace trunkline {

struct PlannedColumn {
  ColumnText text;
  // Of the definition, unless it does not know the column as the stream has it.
  const ColumnDefinition* definition = nullptr;
  std::optional<size_t> relation_index;  // where the rows carry it
};

struct PlannedTable {
  QualifiedName name;
  const TableDefinition* definition = nullptr;  // null: not known
  const Relation* relation = nullptr;           // null: no rows of its own
  std::optional<size_t> loaded_index;           // its place among the relations
  std::vector<PlannedColumn> columns;
  bool partitioned = false;
  const TableDefinition* parent = nullptr;  // the partitioned table, itself planned, it belongs to
  int depth = 0;                            // partitioned tables above it

  bool HasColumns(const std::vector<std::string>& names) const;
};

// In the definition's order, so parents first; relations that it does not know last. Adds to
// `notes`.
Result<std::vector<PlannedTable>> PlanTables(const Definition& definition,
                                             std::span<const Relation* const> relations,
                                             std::vector<std::string>* notes);

}  // namespace trunkline
