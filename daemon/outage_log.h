// OutageLog: says that something is away when it begins, then less and less often, and when it
// ends.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/error.h"

namespace trunkline {

// One thread.
class OutageLog {
 public:
  // `what` fails, as in "the archive does not take segments".
  explicit OutageLog(std::string what) : what_(std::move(what)) {}

  // After each attempt that failed: warns at 0, 1, 2, 4, ... s, then every ten minutes.
  void Failed(const Error& error);
  // After an attempt that succeeded.
  void Succeeded();

 private:
  using Clock = std::chrono::steady_clock;

  const std::string what_;
  std::optional<Clock::time_point> since_;
  Clock::time_point warning_due_;
};

}  // namespace trunkline
