// LogCheck: the log of an archive beside the source's own decoding (TwinSlot), line for line.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "tests/crash/checks.h"
#include "tests/crash/layout.h"

namespace trunkline::crash {

// Numbers of crash.ledger, by what inserts them.
struct LoggedNumbers {
  std::multiset<int64_t> archived;  // in the archive's segments
  std::map<int64_t, Lsn> decoded;   // at the source, with the ends of their transactions
};

// Between the gaps, both logs must be the same. What is found is added to `findings`.
LoggedNumbers CompareLogs(const std::string& archive, const Layout& layout,
                          const std::string& conninfo, Findings* findings);

}  // namespace trunkline::crash
