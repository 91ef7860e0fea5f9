// How `trunkline history` writes versions of a row. docs/log_formats.md shows each format.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "replay/history.h"

namespace trunkline {

// What a version changes in one column.
struct ColumnChange {
  std::string_view name;      // as it is called now; of one that was dropped, before
  std::string_view old_name;  // where it was another one, else empty
  uint32_t type_oid = 0;
  std::optional<Value> before;  // none: the column is new, or the row
  std::optional<Value> after;   // none: the column was dropped
};

// From one version of a row to the next; every column where `before` is null or has no row. Borrows
// from both, and from the rows given, which are theirs.
std::vector<ColumnChange> ChangesBetween(const RowVersion* before,
                                         const std::vector<Value>& row_before,
                                         const RowVersion& after, const std::vector<Value>& row);

// Methods append to `out`.
class HistoryFormat {
 public:
  virtual ~HistoryFormat() = default;
  // `before` is the version before it of the same row, or null; rows are numbered from 1.
  virtual void Add(size_t row_number, const RowVersion* before, const RowVersion& version,
                   std::string* out) = 0;
};

// "text" or "jsonl"; kInvalidArgument for anything else.
Result<std::unique_ptr<HistoryFormat>> NewHistoryFormat(std::string_view name);

}  // namespace trunkline
