// Watchdog: tells a stream that is alive from one that only seems so.
//
// A source that has nothing to send is silent, and so is one that has hung or that a network keeps
// from us without a word. The difference is that the former answers when it is asked to. And a
// store can take a segment and never return.
#pragma once

#include <chrono>
#include <optional>

#include "daemon/reminder.h"

namespace trunkline {

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  // A store that takes longer than this for one segment is worth a word.
  static constexpr std::chrono::seconds kStorePatience{30};

  // `patience` is how long the source may leave a question unanswered.
  explicit Watchdog(std::chrono::milliseconds patience) : patience_(patience) {}

  // The source has sent something; or it could not, since nothing is read at present.
  void Heard();
  // A status goes out. Whether it should ask for an answer: nothing came since the one before.
  bool AsksWithStatus(Clock::time_point now);
  // The source was asked and has sent nothing since, for all its patience.
  bool silent(Clock::time_point now) const;

  // `called` is when the store was called that has not returned; nothing: none is. Whether to say
  // now that it takes long.
  bool StoreHangs(std::optional<Clock::time_point> called, Clock::time_point now);

 private:
  const std::chrono::milliseconds patience_;
  bool heard_ = true;  // since the last status
  std::optional<Clock::time_point> asked_;
  Reminder store_reminder_;
};

// How long a source may be silent that gives up a silent client after `wal_sender_timeout` (0:
// never): as long, within bounds. Doubles with each of the attempts before in which it was silent
// and nothing was archived: it may be busy with WAL that holds nothing for us, and begins again
// with each connection.
std::chrono::milliseconds SilencePatience(std::chrono::milliseconds wal_sender_timeout,
                                          int silent_attempts);

}  // namespace trunkline
