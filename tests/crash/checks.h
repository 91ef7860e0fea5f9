// Checks: whether an archive holds what the source committed, all of it once and in order, and
// nothing else.
#pragma once

#include <string>
#include <vector>

#include "base/lsn.h"
#include "tests/crash/workload.h"
#include "tests/support/exact_state.h"

namespace trunkline::crash {

// One line or more a finding; empty when all is well.
using Findings = std::vector<std::string>;

// Beside what was recorded on the way, the source's own decoding (TwinSlot) is asked, and the
// source's crash.ledger, which settles what a lost answer left open. The archive must have been
// brought up to the end of the load.
Findings CheckArchive(const std::string& archive, const std::string& conninfo, const Ledger& ledger,
                      const std::vector<test::ExactState>& states);

// While the daemon runs: no LSN is confirmed to the source that the archive does not reach.
Findings CheckConfirmed(const std::string& archive, const std::string& conninfo);

}  // namespace trunkline::crash
