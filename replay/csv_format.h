// CSV as Postgres's COPY ... TO ... WITH (FORMAT csv, HEADER) writes it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "archive/cell.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

// Appends a value that is not NULL, quoted where COPY would. `alone`: it is its line's only one.
void AppendCsvValue(std::string_view value, bool alone, std::string* out);
// Append one line each; NULL is nothing at all.
void AppendCsvHeader(const Relation& relation, std::string* out);
void AppendCsvRow(Tuple row, std::string* out);
// `formatters` are one a column, kept from row to row.
void AppendCsvRow(std::span<const Cell> row, std::span<ValueFormatter> formatters,
                  std::string* out);

}  // namespace trunkline
