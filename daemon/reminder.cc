#include "daemon/reminder.h"

#include <algorithm>
#include <utility>

namespace trunkline {
namespace {

constexpr std::chrono::seconds kFirstReminder{1};
constexpr std::chrono::minutes kRarestReminder{10};

}  // namespace

bool Reminder::Lasts(Clock::time_point now) {
  if (!since_.has_value()) since_ = due_ = now;
  if (now < due_) return false;
  due_ = now + std::clamp<Clock::duration>(now - *since_, kFirstReminder, kRarestReminder);
  return true;
}

std::optional<Reminder::Clock::duration> Reminder::Over(Clock::time_point now) {
  const std::optional<Clock::time_point> since = std::exchange(since_, std::nullopt);
  if (!since.has_value()) return std::nullopt;
  return now - *since;
}

}  // namespace trunkline
