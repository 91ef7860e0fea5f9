// A query's result as text: CSV as COPY writes it, or a table as psql prints it.
#pragma once

#include <string>

#include "postgres/connection.h"

namespace trunkline {

// A header line, then one line a row.
std::string ResultAsCsv(const postgres::Rows& rows);

// psql's aligned format: numbers to the right, everything else to the left, the count of rows
// below.
std::string ResultAsTable(const postgres::Rows& rows);

}  // namespace trunkline
