// The lines of `trunkline log --format text`, and the same as the source's own decoding has them.
#pragma once

#include <string>
#include <vector>

#include "base/lsn.h"

namespace trunkline::test {

// Splits a log into BEGIN, COMMIT, and changes. A change whose values hold line ends stays whole.
std::vector<std::string> LogLines(const std::string& text);

struct LoggedLine {
  Lsn end;  // of its transaction, or of a message outside of one
  std::string text;
};

// What the twin slot says, less what pgoutput does not send: generated columns, and partitioned
// tables in a TRUNCATE (of load_schema.sql).
std::vector<LoggedLine> TwinLog(const std::string& conninfo);
// Of that, the lines of what ends after `from`.
std::vector<std::string> TwinLogLines(const std::string& conninfo, Lsn from);

}  // namespace trunkline::test
