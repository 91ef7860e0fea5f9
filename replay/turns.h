// Turns: threads that work on numbered pieces at once act one after another, in the pieces' order.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>

#include "base/error.h"

namespace trunkline {

// Any threads. Pieces count from 0; they are begun in their order, and each is ended or failed.
class Turns {
 public:
  // Waits until every piece before this one is ended; the turn is the caller's from then on. Yields
  // the failure of another piece as soon as there is one.
  Result<void> Await(size_t piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || next_ == piece; });
    if (failure_) return trunkline::Fail(*failure_);
    return {};
  }

  // The caller has the turn, and passes it on.
  void End(size_t piece) {
    const std::scoped_lock lock(mutex_);
    next_ = piece + 1;
    changed_.notify_all();
  }

  // No turn will come any more.
  void Fail(const Error& error) {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = error;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t next_ = 0;
  std::optional<Error> failure_;
};

}  // namespace trunkline
