#include "replay/parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace trunkline {

Result<void> InParallel(size_t workers, size_t items,
                        const std::function<Result<void>(size_t, size_t)>& work) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  Result<void> outcome;
  const auto run = [&](size_t worker) {
    for (size_t item = next++; item < items; item = next++) {
      Result<void> done = work(worker, item);
      if (done) continue;
      const std::lock_guard lock(mutex);
      if (outcome) outcome = std::move(done);
      next = items;
    }
  };
  {
    std::vector<std::jthread> threads;
    const size_t count = std::min(std::max<size_t>(workers, 1), std::max<size_t>(items, 1));
    for (size_t worker = 1; worker < count; ++worker) threads.emplace_back(run, worker);
    run(0);
  }
  return outcome;
}

}  // namespace trunkline
