// A row as a line of CSV.
#pragma once

#include <string>
#include <vector>

#include "replay/csv_format.h"

namespace trunkline::test {

inline std::string CsvRow(Tuple row) {
  std::vector<trunkline::Cell> cells;
  for (const Value& value : row) cells.push_back(CellOf(value));
  CsvText line;
  line.AppendRow(cells);
  return std::string(line.text());
}

inline std::string CsvHeader(const Relation& relation) {
  CsvText line;
  line.AppendHeader(relation);
  return std::string(line.text());
}

}  // namespace trunkline::test
