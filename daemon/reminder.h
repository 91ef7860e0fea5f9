// Reminder: paces what is to be said while it lasts: when it begins, then less and less often.
#pragma once

#include <chrono>
#include <optional>

namespace trunkline {

class Reminder {
 public:
  using Clock = std::chrono::steady_clock;

  // It lasts. Whether to say so now: at 0, 1, 2, 4, ... s, then every ten minutes.
  bool Lasts(Clock::time_point now);
  // It does not. How long it did; nothing if it did not last before either.
  std::optional<Clock::duration> Over(Clock::time_point now);

 private:
  std::optional<Clock::time_point> since_;
  Clock::time_point due_;
};

}  // namespace trunkline
