// TableRows: what a change of a table's definition does to its rows, seen from SchemaFold. The
// rebuild holds rows; who only wants to know which tables are in doubt does not.
#pragma once

#include <functional>
#include <optional>

#include "archive/changed_types.h"
#include "archive/column_mapping.h"
#include "base/error.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

class TableRows {
 public:
  virtual ~TableRows() = default;

  // As the rows are now.
  virtual const Relation& relation() const = 0;
  // False only where there certainly is none.
  virtual bool has_rows() const = 0;
  // From now on changes come as `relation` says; `mapping` leads there from relation().
  virtual Result<void> Become(Relation relation, const ColumnMapping& mapping) = 0;
  // Shows every value of a column that is not null to `change`, which may alter it to something
  // that outlives the call, and says whether the new value cannot be told. Yields whether that is
  // so for any. Where the change just renames labels of an enum, `renamed` has them, old to new,
  // and every new value can be told; else it is null.
  virtual Result<bool> ChangeValues(size_t column, const RenamedLabelMap* renamed,
                                    const std::function<bool(Value* value)>& change) = 0;
  // Also makes rows in doubt known again.
  virtual void Truncate() = 0;
  // The rows are a part of the table's, until a snapshot brings the others: changes may be of rows
  // that are not there, and the snapshot brings some that are.
  virtual void set_incomplete(bool incomplete) = 0;
  virtual bool incomplete() const = 0;

  // The rows are not known, and changes are passed over, until a TRUNCATE or a snapshot of the
  // table makes them known again.
  virtual void set_doubt(Error doubt) = 0;
  virtual const std::optional<Error>& doubt() const = 0;
};

}  // namespace trunkline
