// DefinitionAsker: asks the source how the published tables are defined, on a thread of its own, so
// that the capture loop never waits for a query that a lock or a slow network holds up.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/error.h"
#include "daemon/definition_query.h"

namespace trunkline {

class DefinitionAsker {
 public:
  using Clock = std::chrono::steady_clock;
  // Called on the asker's thread alone. Returns soon once a stop is requested.
  using Query = std::function<Result<DescribedTables>(std::stop_token stop)>;

  struct Answer {
    uint64_t ticket = 0;  // of the newest request made before the query began
    DescribedTables tables;
    Clock::duration took{0};
  };

  explicit DefinitionAsker(Query query);
  // Interrupts a query that runs.
  ~DefinitionAsker();

  DefinitionAsker(const DefinitionAsker&) = delete;
  DefinitionAsker& operator=(const DefinitionAsker&) = delete;

  // Has a query begin after this call; yields its ticket. One that fails is tried again, with
  // growing pauses and a warning each time. Requests made while a query runs share the next one.
  uint64_t Ask();
  // An answer is there; costs a load, for a look ahead of every change.
  bool answered() const { return answered_.load(std::memory_order_acquire); }
  // The source was just reached: ends the pause after a query that failed.
  void Hurry();
  // The newest answer that was not taken yet.
  std::optional<Answer> Take();
  // No request is unanswered.
  bool idle();
  // Waits until the request of `ticket` is answered, not past `deadline`.
  void Await(uint64_t ticket, Clock::time_point deadline);

 private:
  void Run(const std::stop_token& stop);

  const Query query_;
  std::atomic<bool> answered_ = false;  // mirrors answer_.has_value()

  std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t asked_ = 0;     // newest ticket given
  uint64_t finished_ = 0;  // newest ticket answered
  bool hurried_ = false;
  std::optional<Answer> answer_;

  std::jthread thread_;  // last: it uses all of the above
};

// Asks on one connection, kept for it and opened anew when it breaks. The query waits for a lock
// for 2 seconds and runs for 30 seconds at most.
DefinitionAsker::Query AskOverConnection(std::string conninfo, std::string publication);

}  // namespace trunkline
