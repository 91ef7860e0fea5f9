#include "daemon/outage_log.h"

#include <spdlog/spdlog.h>

namespace trunkline {

void OutageLog::Failed(const Error& error) {
  if (!reminder_.Lasts(Reminder::Clock::now())) return;
  spdlog::warn("{}, trying again: {}", what_, error.ToString());
}

void OutageLog::Succeeded() {
  const auto lasted = reminder_.Over(Reminder::Clock::now());
  if (!lasted.has_value()) return;
  spdlog::info("{}: over, after {} s", what_,
               std::chrono::duration_cast<std::chrono::seconds>(*lasted).count());
}

}  // namespace trunkline
