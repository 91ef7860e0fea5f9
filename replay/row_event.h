// RowEvent: what happens to the rows of one table, in order. Rows are found by their key: the
// columns of the replica identity, or under REPLICA IDENTITY FULL those of the primary key.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/changed_types.h"
#include "archive/column_mapping.h"
#include "archive/definition.h"
#include "archive/segment.h"
#include "base/error.h"
#include "base/lsn.h"
#include "base/timestamp.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

// Where in the archive's order of changes something happened, and in which transaction.
struct Moment {
  Lsn lsn;              // of the commit record, or of a snapshot
  uint64_t order = 0;   // among the changes of one LSN; 0: before all of them
  Xid xid = {};         // 0: no transaction of the archive's
  Timestamp time = {};  // of the commit, or when the snapshot was taken; 0: not known

  bool IsBefore(const Moment& other) const {
    return lsn != other.lsn ? lsn < other.lsn : order < other.order;
  }
};

// A table as its rows are from some moment on. Immutable, shared by all that happens under it.
struct TableShape {
  Relation relation;
  std::vector<uint16_t> key;  // columns, in their order; empty: rows cannot be told apart
  // From the shape before; none where the table is new, or all of its rows come anew.
  std::optional<ColumnMapping> mapping;
};

// Whether the columns have the same names and types.
bool SameColumns(const Relation& a, const Relation& b);

// The columns that tell rows apart. `table` may be null: no definition knows it.
std::vector<uint16_t> KeyColumnsOf(const Relation& relation, const TableDefinition* table);

enum class RowEventKind : uint8_t {
  kShape = 1,     // rows and changes are of `shape` from now on
  kRelabel = 2,   // values of `column` that are labels of an enum have other names
  kTruncate = 3,  // no row is left
  kGone = 4,      // the table was dropped, or left the publication
  kDoubt = 5,     // its rows cannot be told any more, for the reason in `text`
  kLoad = 6,      // a snapshot: the rows that follow are all there are
  kRow = 7,       // a row of it
  kInsert = 8,
  kUpdate = 9,
  kDelete = 10,
};

// Borrows everything: valid until the function it is passed to returns.
struct RowEvent {
  RowEventKind kind = RowEventKind::kRow;
  Moment at = {};
  std::shared_ptr<const TableShape> shape = {};  // kShape
  uint16_t column = 0;                           // kRelabel
  const RenamedLabelMap* labels = nullptr;       // kRelabel
  std::string_view text = {};                    // kDoubt
  // kUpdate where the key may have changed, kDelete: of the row before. Columns that are no part of
  // the key may be missing (NULL).
  Tuple old_row = {};
  Tuple row = {};  // kRow, kInsert, kUpdate; unchanged TOAST values may be missing
};

// The canonical bytes of a row's key, which order and tell apart keys of one table.
std::string EncodeKey(const TableShape& shape, Tuple row);

// Takes the events of tables in order. An error ends the walk that calls.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual Result<void> Take(uint32_t oid, const RowEvent& event) = 0;
  // Whether rows of snapshots are wanted at all.
  virtual bool takes_rows() const { return true; }
  // Whether changes of such rows are wanted; what else happens to the table is taken in any case.
  virtual bool WantsRows(const TableShape& shape, const BlockRelationStats& stats) const = 0;
};

}  // namespace trunkline
