// RowEvents as values of an index's records, as docs/index_format.md specifies them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "replay/row_event.h"

namespace trunkline {

// An event, but for its place, which the key has. `old_row` of an update is kept only where
// `key_moved`. kUnsupported for a value in binary format.
Result<std::string> EncodeEvent(const TableShape& shape, const RowEvent& event, bool key_moved);

// Owns what `event` borrows.
struct DecodedEvent {
  RowEvent event;
  std::vector<Value> old_row;
  std::vector<Value> row;
  RenamedLabelMap labels;
};
// `bytes` have to outlive what is decoded. `shape` is the table's at that moment; null before the
// first. kCorrupt where they do not fit.
Result<void> DecodeEvent(const TableShape* shape, std::string_view bytes, DecodedEvent* decoded);

}  // namespace trunkline
