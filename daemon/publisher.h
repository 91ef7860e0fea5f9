// Publisher: appends segments to the archive on a thread of its own, so that the replication stream
// never waits for storage.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "archive/appender.h"
#include "archive/segment_writer.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/metrics.h"
#include "daemon/source.h"
#include "daemon/wakeup.h"

namespace trunkline {

class Publisher {
 public:
  using Clock = std::chrono::steady_clock;

  // Uses `appender` alone until destroyed; `wakeup` is signalled whenever the state below changes.
  // None of the three is owned.
  // `on_appended`, which may be null, is called on the publisher's thread for each segment that is
  // in the archive.
  using OnAppended = std::function<void(Lsn begin, Lsn end)>;
  Publisher(Appender* appender, const Source& source, Wakeup* wakeup, Metrics* metrics,
            OnAppended on_appended = nullptr);
  // Waits for the segment under way, gives up those behind it.
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Appends the transactions of `writer` as the segment from `begin`, where the one before it ends,
  // to `end`. Only while not full(). `received_bytes` are what the source sent for it. Segments
  // that have come while the store was busy go into it together.
  void Submit(SegmentWriter writer, Lsn begin, Lsn end, uint64_t received_bytes);

  bool full() const;
  bool idle() const;  // everything submitted is durable
  // Everything up to here is durable; Lsn{} while the archive has no segment.
  Lsn durable_end() const;
  // When the store was called that has not returned yet; nothing while none is.
  std::optional<Clock::time_point> store_called() const;
  // Set once: nothing will be published any more. A store that may recover is tried again until it
  // takes the segment, however long that takes.
  std::optional<Error> failure() const;

 private:
  struct Job {
    SegmentWriter writer;
    Lsn begin;
    Lsn end;
    uint64_t received_bytes = 0;
  };

  void Run(std::stop_token stop);
  // Calls the store by way of the appender.
  Result<void> Call(const std::function<Result<void>()>& call);
  Result<void> Append(std::vector<Job> jobs, const std::stop_token& stop);
  // Tries the segments that the store did not take until it takes them, or nothing will help.
  Result<void> Retry(Lsn end, Error error, const std::stop_token& stop);

  Appender* const appender_;
  const Source source_;
  Wakeup* const wakeup_;
  Metrics* const metrics_;
  const OnAppended on_appended_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> queue_;
  size_t under_way_ = 0;  // of segments that are being appended
  std::optional<Clock::time_point> store_called_;
  Lsn durable_end_;
  std::optional<Error> failure_;

  std::jthread thread_;  // last: it uses everything above
};

}  // namespace trunkline
