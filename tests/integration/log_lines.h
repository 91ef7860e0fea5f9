// The lines of `trunkline log --format text`, and the same as the source's own decoding has them.
#pragma once

#include <string>
#include <vector>

#include "base/lsn.h"

namespace trunkline::test {

// Splits a log into BEGIN, COMMIT, and changes. A change whose values hold line ends stays whole.
std::vector<std::string> LogLines(const std::string& text);

// What the twin slot says of the transactions that end after `from`, less what pgoutput does not
// send: generated columns, and partitioned tables in a TRUNCATE (of load_schema.sql).
std::vector<std::string> TwinLogLines(const std::string& conninfo, Lsn from);

}  // namespace trunkline::test
