// TableDiff: which rows of a table differ between two instants.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "decoder/change.h"
#include "decoder/relation.h"
#include "replay/aligned_rows.h"

namespace trunkline {

enum class RowChange : uint8_t { kRemoved, kChanged, kAdded };

// Rows with a key are the same row where the key is; others are compared as a multiset. A row that
// was there before is seen in the columns of the later instant.
class TableDiff {
 public:
  // The same table, or one of them null. Both must outlive the result. Takes twelve bytes and more
  // for each row of `before`, and the keys of the rows that differ while they are sorted.
  static Result<TableDiff> Make(const TableAt& before, const TableAt& after);

  // Its names are those of `after`, or of `before` where it was dropped. Columns that are its key
  // are flagged; none where rows are a multiset.
  const Relation& relation() const { return relation_; }
  bool keyed() const { return keyed_; }
  const TableAt& before() const { return before_; }
  const TableAt& after() const { return after_; }
  // How columns changed; nothing where they did not, or where one side lacks the table.
  const std::optional<ColumnMapping>& mapping() const { return mapping_; }
  // "schema.name" where the table was called otherwise before; else empty.
  std::string RenamedFrom() const;

  uint64_t rows_before() const { return RowsOf(before_); }
  uint64_t rows_after() const { return RowsOf(after_); }
  uint64_t count(RowChange change) const { return counts_[static_cast<size_t>(change)]; }

  using Visit = std::function<Result<void>(RowChange change, Tuple before, Tuple after)>;
  // By key, or by all columns: integers by their value, other types by their text's bytes, NULL
  // last. The side that lacks the row is empty. A row is valid during its visit.
  Result<void> ForEachRow(const Visit& visit) const;

 private:
  friend class TableComparison;
  static constexpr uint64_t kNoRow = UINT64_MAX;
  struct Difference {
    uint64_t before = kNoRow;  // numbers of rows
    uint64_t after = kNoRow;
  };

  TableDiff(const TableAt& before, const TableAt& after) : before_(before), after_(after) {}
  static uint64_t RowsOf(const TableAt& at) { return at.table ? at.table->row_count() : 0; }

  TableAt before_;
  TableAt after_;
  Relation relation_;
  bool keyed_ = false;
  std::optional<AlignedRows> rows_before_;
  std::optional<AlignedRows> rows_after_;
  std::optional<ColumnMapping> mapping_;
  std::vector<Difference> differences_;
  uint64_t counts_[3] = {};
};

}  // namespace trunkline
