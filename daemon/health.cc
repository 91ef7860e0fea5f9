#include "daemon/health.h"

namespace trunkline {

Verdict JudgeHealth(const MetricsReading& reading) {
  if (reading.overdue.count() == 0) return {true, "alive"};
  const auto silent = Metrics::kLoopPatience + reading.overdue;
  return {false, "the capture loop has not come round for " +
                     std::to_string(silent.count() / 1000) + " s"};
}

Verdict JudgeReadiness(const MetricsReading& reading) {
  if (Verdict health = JudgeHealth(reading); !health.good) return health;
  switch (reading.activity) {
    case Activity::kStarting:
      return {false, "starting: has not captured yet"};
    case Activity::kSnapshot:
      return {true, "taking a base snapshot"};
    case Activity::kStreaming:
      if (reading.archive_away) return {false, "the archive does not take segments"};
      return {true, "streaming"};
    case Activity::kStandby:
      return {true, "standing by: another daemon captures"};
    case Activity::kReconnecting:
      return {false, "trying again after a failure"};
    case Activity::kStopping:
      return {false, "stopping"};
  }
  return {false, ""};
}

}  // namespace trunkline
