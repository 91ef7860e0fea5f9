// Trial: one schedule, carried out against a source of its own and judged.
#pragma once

#include <map>
#include <string>

#include "tests/crash/checks.h"
#include "tests/crash/schedule.h"
#include "tests/crash/source_template.h"

namespace trunkline::crash {

struct TrialOptions {
  // Faults that every run of the daemon has besides the schedule's: a bug that must be found.
  std::string canary;
  std::string keep;  // where to copy the archive and the daemons' logs on a finding; may be empty
};

struct TrialResult {
  Findings findings;
  int64_t transactions = 0;  // that the source committed
  int segments = 0;
  int gaps = 0;
  int failovers = 0;
  int maintained = 0;  // how often segments were merged, history removed, or others read
  int states = 0;
  int doubts = 0;                     // states with columns that a rebuild warns of
  std::map<std::string, int> faults;  // how often the faults of each point acted
};

// A trial that cannot be carried out is a finding as well. Several may run at once.
TrialResult RunTrial(const Schedule& schedule, const SourceTemplate& source_template,
                     const TrialOptions& options);

}  // namespace trunkline::crash
