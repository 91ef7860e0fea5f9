// Keys as --key names them: the values of a key's columns in their order, as a CSV line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "replay/row_event.h"

namespace trunkline {

// The fields of the line; kInvalidArgument where a quote is left open.
Result<std::vector<std::string>> ParseCsvKey(std::string_view line);

// The key of a table, as EncodeKey makes it: values are written as the server prints them, where
// their type has several forms. kInvalidArgument, naming the columns, where there are more or fewer
// values, or one that cannot be of its column's type; kUnsupported where the table has no key.
Result<std::string> ParseRowKey(const TableShape& shape, std::string_view line);

}  // namespace trunkline
