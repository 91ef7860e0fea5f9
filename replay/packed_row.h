// Rows in the bytes of replay/text_row.h, on their own.
#pragma once

#include <string>
#include <vector>

#include "replay/text_row.h"

namespace trunkline {

// Every value is kNull or kText.
inline std::string PackedRow(Tuple row) {
  std::string packed(PackedSize(row), '\0');
  PackRow(row, packed.data());
  return packed;
}

// Borrows from `packed`.
inline std::vector<Value> UnpackedRow(const std::string& packed, size_t columns) {
  std::vector<Value> row(columns);
  UnpackRow(packed.data(), row);
  return row;
}

}  // namespace trunkline
