// SourceWatch: looks at the slot and the publication now and then, on a connection and thread of
// its own, and warns of what would otherwise show too late or never: WAL that piles up, a slot
// about to be lost, tables and operations that are not published any more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/error.h"
#include "daemon/metrics.h"
#include "daemon/publication_alarm.h"
#include "daemon/slot_alarm.h"
#include "postgres/connection.h"

namespace trunkline {

struct SourceWatchOptions {
  std::string conninfo;
  std::string publication;
  std::string slot;
  std::chrono::milliseconds patience{0};  // SlotAlarm's
  Metrics* metrics = nullptr;             // told what the source says of the slot; not owned
};

class SourceWatch {
 public:
  // Looks at once, then every ten seconds. A source that does not answer is asked again; that it is
  // away, others say.
  explicit SourceWatch(SourceWatchOptions options);
  // Interrupts a look.
  ~SourceWatch();
  SourceWatch(const SourceWatch&) = delete;
  SourceWatch& operator=(const SourceWatch&) = delete;

 private:
  void Run(const std::stop_token& stop);
  Result<void> Look(const std::stop_token& stop);

  const SourceWatchOptions options_;
  SlotAlarm slot_alarm_;
  PublicationAlarm publication_alarm_;
  std::optional<postgres::Connection> connection_;

  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // last: it uses all of the above
};

// What the source says of the slot; nothing while it has none or its WAL is not to be told.
Result<std::optional<SlotReading>> ReadSlot(postgres::Connection* connection,
                                            const std::string& slot);

}  // namespace trunkline
