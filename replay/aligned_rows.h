// AlignedRows: the rows of a table in the columns that it has at another instant.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/column_mapping.h"
#include "archive/definition.h"
#include "base/error.h"
#include "decoder/change.h"
#include "replay/state.h"

namespace trunkline {

// A table at one instant.
struct TableAt {
  const TableState* table = nullptr;  // null: it is not there
  const Definition* definition = nullptr;

  const TableDefinition* definition_of_table() const {
    return definition->FindTable(table->relation().oid);
  }
};

class AlignedRows {
 public:
  // As they are. `rows` must outlive it, here and below.
  explicit AlignedRows(const TableAt& rows) : rows_(rows.table) {}
  // In the columns of `columns`, which is the same table: columns are followed by their numbers,
  // renamed labels of enums are put in place, and an added column holds what older rows have in it.
  AlignedRows(const TableAt& rows, const TableAt& columns);

  uint64_t row_count() const { return rows_->row_count(); }
  using Visit = std::function<Result<void>(uint64_t number, Tuple row)>;
  // A row is valid during its visit; visits may be nested.
  Result<void> ForEachRow(const Visit& visit) const { return Read(0, row_count(), visit); }
  Result<void> ReadRow(uint64_t number, const Visit& visit) const { return Read(number, 1, visit); }

  // Nothing where the columns are the same.
  const std::optional<ColumnMapping>& mapping() const { return mapping_; }

 private:
  using Labels = std::map<std::string, std::string>;  // old to new

  void FollowLabels(const TableAt& rows, const TableAt& columns);
  Result<void> Read(uint64_t first, uint64_t count, const Visit& visit) const;
  void Align(Tuple row, std::vector<Value>* aligned) const;

  const TableState* rows_;
  std::optional<ColumnMapping> mapping_;
  std::vector<Labels> labels_;  // one a column; empty: none is renamed
};

}  // namespace trunkline
