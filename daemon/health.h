// Health: what the figures mean to whoever decides whether to restart the daemon, or to count on
// it.
#pragma once

#include <string>

#include "daemon/metrics.h"

namespace trunkline {

struct Verdict {
  bool good = false;
  std::string text;  // one line, for people
};

// Whether the process is worth keeping: its capture loop comes round, or is not to. Whatever a new
// start would not mend, a source or an archive that is away, is no reason to end it.
Verdict JudgeHealth(const MetricsReading& reading);

// Whether it does its work: captures with nothing in the way, takes a base snapshot, or stands by
// to take over. A standby is ready, since a rolling update waits for that before it ends the other
// one.
Verdict JudgeReadiness(const MetricsReading& reading);

}  // namespace trunkline
