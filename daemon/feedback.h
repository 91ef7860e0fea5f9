// Feedback: what the daemon tells the source of its progress, and when.
//
// The flush LSN is the archive's end: the source may remove WAL up to there, so it is never past
// what is durable and never goes back. The write LSN is what has arrived.
#pragma once

#include <chrono>

#include "base/lsn.h"

namespace trunkline {

struct StandbyStatus {
  Lsn write;
  Lsn flush;  // also sent as apply

  friend bool operator==(const StandbyStatus&, const StandbyStatus&) = default;
};

class Feedback {
 public:
  using Clock = std::chrono::steady_clock;

  // `durable` is the archive's end when the stream starts. `interval` is the longest silence; it
  // must be well below the server's wal_sender_timeout.
  Feedback(Lsn durable, std::chrono::milliseconds interval, Clock::time_point now);

  // The source has sent everything up to `lsn`.
  void Received(Lsn lsn);
  // The archive holds everything up to `lsn`, durably.
  void Durable(Lsn lsn);
  // The source asked for a reply.
  void Requested() { requested_ = true; }

  // When a status must be sent at the latest: at once for new durable progress, after a short pause
  // for a request (a server that shuts down asks again after each reply), else after the interval.
  Clock::time_point due() const;
  // The status to send now; counts as sent.
  StandbyStatus Take(Clock::time_point now);

  Lsn received() const { return received_; }
  Lsn durable() const { return durable_; }

 private:
  static constexpr std::chrono::milliseconds kRequestPause{50};

  std::chrono::milliseconds interval_;
  Lsn received_;
  Lsn durable_;
  Lsn durable_sent_;
  bool requested_ = false;
  bool sent_ever_ = false;
  Clock::time_point last_sent_;
};

}  // namespace trunkline
