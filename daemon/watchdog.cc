#include "daemon/watchdog.h"

#include <algorithm>

namespace trunkline {

void Watchdog::Heard() {
  heard_ = true;
  asked_.reset();
}

bool Watchdog::AsksWithStatus(Clock::time_point now) {
  const bool asks = !heard_;
  heard_ = false;
  if (asks && !asked_.has_value()) asked_ = now;
  return asks;
}

bool Watchdog::silent(Clock::time_point now) const {
  return asked_.has_value() && now - *asked_ >= patience_;
}

bool Watchdog::StoreHangs(std::optional<Clock::time_point> called, Clock::time_point now) {
  if (!called.has_value() || now - *called < kStorePatience) {
    (void)store_reminder_.Over(now);
    return false;
  }
  return store_reminder_.Lasts(now);
}

std::chrono::milliseconds SilencePatience(std::chrono::milliseconds wal_sender_timeout,
                                          int silent_attempts) {
  constexpr std::chrono::milliseconds kLeast{5'000};
  constexpr std::chrono::milliseconds kMost{60'000};
  constexpr std::chrono::milliseconds kMostDoubled{3'600'000};
  std::chrono::milliseconds patience = kMost;
  if (wal_sender_timeout.count() > 0) patience = std::clamp(wal_sender_timeout, kLeast, kMost);
  for (int i = 0; i < silent_attempts && patience < kMostDoubled; ++i) patience *= 2;
  return std::min(patience, kMostDoubled);
}

}  // namespace trunkline
