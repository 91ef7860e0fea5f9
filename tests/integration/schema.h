// How a database's tables are defined, in another's words than Trunkline's: to compare a rebuilt
// one with its source.
#pragma once

#include <string>
#include <vector>

#include "tests/support/source.h"

namespace trunkline::test {

// Sorted, without what an archive does not keep: the statements of pg_dump -s, or where the server
// is newer than the pg_dump at hand, what its catalogs say. Comparable between databases of one
// server.
std::vector<std::string> SchemaStatements(const Source& source, const std::string& database);

void ExpectSameSchema(const std::vector<std::string>& want, const std::vector<std::string>& have);

}  // namespace trunkline::test
