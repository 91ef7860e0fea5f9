#include "daemon/outage_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace trunkline {
namespace {

constexpr std::chrono::seconds kFirstPause{1};
constexpr std::chrono::minutes kLongestPause{10};

}  // namespace

void OutageLog::Failed(const Error& error) {
  const Clock::time_point now = Clock::now();
  if (!since_.has_value()) since_ = warning_due_ = now;
  if (now < warning_due_) return;
  spdlog::warn("{}, trying again: {}", what_, error.ToString());
  warning_due_ = now + std::clamp<Clock::duration>(now - *since_, kFirstPause, kLongestPause);
}

void OutageLog::Succeeded() {
  if (!since_.has_value()) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - *since_);
  spdlog::info("{}: over, after {} s", what_, seconds.count());
  since_.reset();
}

}  // namespace trunkline
