#include "daemon/feedback.h"

#include <algorithm>

#include "base/fault.h"

namespace trunkline {

Feedback::Feedback(Lsn durable, std::chrono::milliseconds interval, Clock::time_point now)
    : interval_(interval), received_(durable), durable_(durable), last_sent_(now) {}

void Feedback::Received(Lsn lsn) { received_ = std::max(received_, lsn); }

void Feedback::Durable(Lsn lsn) {
  durable_ = std::max(durable_, lsn);
  // A write LSN behind the flush LSN would make no sense to the server.
  received_ = std::max(received_, durable_);
}

Feedback::Clock::time_point Feedback::due() const {
  if (!sent_ever_ || durable_ > durable_sent_) return last_sent_;
  if (requested_) return last_sent_ + kRequestPause;
  return last_sent_ + interval_;
}

StandbyStatus Feedback::Take(Clock::time_point now) {
  sent_ever_ = true;
  requested_ = false;
  last_sent_ = now;
  durable_sent_ = durable_;
  return {received_, FAULT_VALUE("feedback.durable", durable_, received_)};
}

}  // namespace trunkline
