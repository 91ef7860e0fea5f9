// OutageLog: says that something is away when it begins, then less and less often, and when it
// ends.
#pragma once

#include <string>

#include "base/error.h"
#include "daemon/reminder.h"

namespace trunkline {

// One thread.
class OutageLog {
 public:
  // `what` fails, as in "the archive does not take segments".
  explicit OutageLog(std::string what) : what_(std::move(what)) {}

  // After each attempt that failed: warns as a Reminder says.
  void Failed(const Error& error);
  // After an attempt that succeeded.
  void Succeeded();

 private:
  const std::string what_;
  Reminder reminder_;
};

}  // namespace trunkline
