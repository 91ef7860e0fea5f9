// Which tables a query needs: those whose name stands in its text.
#pragma once

#include <string_view>

#include "archive/definition.h"

namespace trunkline {

// Whether `name` stands in `sql` as a word, in any case; between quotes its quotes are doubled. A
// name in a comment or a literal counts too: a table too many does no harm.
bool NamesTable(std::string_view sql, std::string_view name);

// Whether the query needs `table`: named itself, as a part of a partitioned table that is, or as
// the partitioned table that holds the rows of a partition that is.
bool NeedsTable(std::string_view sql, const QualifiedName& table, const Definition& definition);

}  // namespace trunkline
