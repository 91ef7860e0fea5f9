// A query's result as text: CSV as COPY writes it, or a table as psql prints it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "postgres/connection.h"

namespace trunkline {

// Prints the result of one statement after another. A result comes in any number of parts, with the
// same columns each, of which all but the last may be of one row.
class ResultPrinter {
 public:
  virtual ~ResultPrinter() = default;
  // Appends to `text` what can be told so far.
  virtual void Add(const PGresult* part, std::string* text) = 0;
  // That was the last part; there was at least one.
  virtual void End(std::string* text) = 0;
};

// A header line, then one line a row.
std::unique_ptr<ResultPrinter> NewCsvPrinter();

// psql's aligned format: numbers to the right, everything else to the left, the count of rows
// below. To know how wide a column is takes all rows; of a result larger than `memory_bytes`, that
// many at a time are, and columns grow wider on the way where they must.
std::unique_ptr<ResultPrinter> NewTablePrinter(size_t memory_bytes = 64 << 20);

}  // namespace trunkline
