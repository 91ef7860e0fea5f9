// TableDiff: which rows of a table differ between two instants.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "decoder/change.h"
#include "decoder/relation.h"
#include "replay/aligned_rows.h"
#include "replay/memory_options.h"
#include "replay/row_differences.h"

namespace trunkline {

enum class RowChange : uint8_t { kRemoved, kChanged, kAdded };

// Rows with a key are the same row where the key is; others are compared as a multiset. A row that
// was there before is seen in the columns of the later instant.
class TableDiff {
 public:
  // The same table, or one of them null. Both must outlive the result. Takes no more than `memory`,
  // whatever differs: two thirds are for finding rows of `before`, 40 bytes each, and where there
  // are more of them both tables are read several times; the rest is for what differs, which is on
  // disk beyond it. Errors are those of the disk.
  static Result<TableDiff> Make(const TableAt& before, const TableAt& after,
                                const MemoryOptions& memory);

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

  // How often both tables were read, and whether the differences are on disk: for tests.
  uint64_t passes() const { return passes_; }
  bool on_disk() const { return differences_.on_disk(); }

  using Visit = std::function<Result<void>(RowChange change, Tuple before, Tuple after)>;
  // By key, or by all columns: integers by their value, other types by their text's bytes, NULL
  // last. The side that lacks the row is empty. A row is valid during its visit.
  Result<void> ForEachRow(const Visit& visit) const;

 private:
  friend class TableComparison;

  TableDiff(const TableAt& before, const TableAt& after, const MemoryOptions& differences)
      : before_(before), after_(after), differences_(differences) {}
  Result<void> Show(const RowDifference& difference, const Visit& visit) const;
  static uint64_t RowsOf(const TableAt& at) { return at.table ? at.table->row_count() : 0; }

  TableAt before_;
  TableAt after_;
  Relation relation_;
  bool keyed_ = false;
  std::optional<AlignedRows> rows_before_;
  std::optional<AlignedRows> rows_after_;
  std::optional<ColumnMapping> mapping_;
  RowDifferences differences_;
  uint64_t counts_[3] = {};
  uint64_t passes_ = 0;
};

}  // namespace trunkline
