// A row as a line of COPY's text format.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "decoder/change.h"
#include "postgres/connection.h"

namespace trunkline {

// The values of `columns`, in that order, and the end of the line.
inline void AppendCopyRow(Tuple row, const std::vector<size_t>& columns, std::string* line) {
  bool first = true;
  for (const size_t column : columns) {
    if (!first) *line += '\t';
    first = false;
    if (row[column].state == ValueState::kNull) {
      *line += "\\N";
    } else {
      postgres::AppendCopyText(row[column].bytes, line);
    }
  }
  *line += '\n';
}

}  // namespace trunkline
