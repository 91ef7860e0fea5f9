#include "replay/archive_activity.h"

#include <algorithm>

namespace trunkline {

void ActivityMeter::Add(const BlockStats& block) {
  if (block.commit_time_max == Timestamp{}) return;  // messages outside of transactions alone
  first_ = stretches_.empty() ? block.commit_time_min : std::min(first_, block.commit_time_min);
  last_ = stretches_.empty() ? block.commit_time_max : std::max(last_, block.commit_time_max);
  stretches_.push_back({block.commit_lsn_min, block.commit_lsn_max, block.commit_time_min,
                        block.commit_time_max, block.changes, block.size});
}

std::optional<Activity> ActivityMeter::OverSpan() const {
  return Recently(std::chrono::microseconds(last_.micros - first_.micros));
}

std::optional<Activity> ActivityMeter::Recently(std::chrono::microseconds window) const {
  const int64_t begin = std::max(first_.micros, last_.micros - window.count());
  if (begin >= last_.micros) return std::nullopt;
  double changes = 0;
  double bytes = 0;
  for (const Stretch& stretch : stretches_) {
    if (stretch.end.micros < begin) continue;
    const auto whole = static_cast<double>(stretch.end.micros - stretch.begin.micros);
    const auto within =
        static_cast<double>(stretch.end.micros - std::max(begin, stretch.begin.micros));
    const double share = whole == 0 ? 1 : within / whole;
    changes += share * static_cast<double>(stretch.changes);
    bytes += share * static_cast<double>(stretch.bytes);
  }
  return Activity{std::chrono::microseconds(last_.micros - begin),
                  static_cast<uint64_t>(changes + 0.5), static_cast<uint64_t>(bytes + 0.5)};
}

TimesAround ActivityMeter::Around(Lsn lsn) const {
  TimesAround around;
  for (const Stretch& stretch : stretches_) {
    const bool begins_before = stretch.begin_lsn < lsn;
    const bool ends_before = stretch.end_lsn < lsn;
    if (begins_before) around.after = ends_before ? stretch.end : stretch.begin;
    if (ends_before) continue;
    around.before = begins_before ? stretch.end : stretch.begin;
    break;
  }
  return around;
}

}  // namespace trunkline
