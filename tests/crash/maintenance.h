// Maintenance: segments are merged and old history is removed while a daemon works, by programs
// that are killed at random or at fault points; and others read the archive meanwhile.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/lsn.h"
#include "tests/crash/checks.h"

namespace trunkline::crash {

class Maintenance {
 public:
  // Begins at once, on threads of its own, with programs that have the faults `canary`.
  Maintenance(std::string archive, uint64_t seed, std::string canary);
  ~Maintenance() { Stop(); }

  // While nobody is to write, or to read: `meanwhile` runs between two programs.
  template <typename Meanwhile>
  void Rest(const Meanwhile& meanwhile) {
    const std::scoped_lock lock(turns_[0], turns_[1]);
    meanwhile();
  }
  // Ends what is under way, and yields what was found. Call once.
  Findings Stop();

  // Targets from here on must be there still, if a snapshot led to them; Lsn{} where nothing was
  // removed.
  Lsn kept_from() const { return kept_from_; }
  // The oldest base snapshot before the first removal.
  std::optional<Lsn> first_snapshot() const { return first_snapshot_; }
  int runs() const { return runs_; }
  // What the programs wrote.
  const std::string& log() const { return log_; }

 private:
  using Random = std::mt19937_64;

  void Work(const std::stop_token& stop, uint64_t seed, std::mutex* turn);
  void DoSomething(Random* random);
  std::vector<std::string> Merging(Random* random) const;
  // None where there is nothing to keep yet.
  std::vector<std::string> Removing(Random* random);
  std::vector<std::string> Reading(Random* random) const;
  void Run(const std::vector<std::string>& command, bool writes, Random* random);

  const std::string archive_;
  const std::string canary_;

  std::mutex turns_[2];  // a thread's while it runs a program
  std::mutex mutex_;
  Lsn kept_from_;
  std::optional<Lsn> first_snapshot_;
  int runs_ = 0;
  Findings findings_;
  std::string log_;

  std::vector<std::jthread> threads_;
};

}  // namespace trunkline::crash
