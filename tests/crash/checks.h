// Checks: whether an archive holds what the source committed, all of it once and in order, and
// nothing else.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "tests/crash/workload.h"
#include "tests/support/exact_state.h"

namespace trunkline::crash {

// One line or more a finding; empty when all is well.
using Findings = std::vector<std::string>;

// What was recorded on the way.
struct Evidence {
  std::string archive;
  std::string conninfo;  // of the source, where nobody writes any more
  Ledger ledger;
  std::vector<test::ExactState> states;
  int losses = 0;  // how often the source was made to lose changes: the most gaps there may be
  bool ddl_captured = false;
  // What was removed on purpose: nothing that a target from `kept_from` on needs, if a snapshot led
  // to it, the oldest one of which was at `first_snapshot`.
  Lsn kept_from;
  std::optional<Lsn> first_snapshot;
};

struct Verdict {
  Findings findings;
  // States with columns that the rebuild says it could not tell: without DDL capture, the daemon
  // may come to ask too late what older rows hold in a new column. Their other columns count.
  int doubts = 0;
};

// Beside the evidence, the source's own decoding (TwinSlot) is asked, and the source's
// crash.ledger, which settles what a lost answer left open. The archive must have been brought up
// to the last state.
Verdict CheckArchive(const Evidence& evidence);

// While the daemon runs: no LSN is confirmed to the source that neither the archive nor `spool`
// (the folder of --confirm spooled; may be missing) reaches.
Findings CheckConfirmed(const std::string& archive, const std::string& spool,
                        const std::string& conninfo);

}  // namespace trunkline::crash
