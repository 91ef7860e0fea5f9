// Names as Postgres prints them: identifiers quoted only where they must be.
#pragma once

#include <string>
#include <string_view>

namespace trunkline {

// As quote_identifier in Postgres.
std::string QuoteWhereNeeded(std::string_view name);
std::string QuoteQualified(std::string_view schema, std::string_view name);

}  // namespace trunkline
