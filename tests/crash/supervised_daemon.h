// SupervisedDaemon: a daemon that is started again when it ends, and whose every end is judged.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tests/crash/checks.h"
#include "tests/support/trunkline.h"

namespace trunkline::crash {

class SupervisedDaemon {
 public:
  // `name` is for messages; every run has the faults `canary`. Findings are added to `findings`,
  // which is not owned.
  SupervisedDaemon(std::string name, test::DaemonOptions options, std::string canary,
                   Findings* findings);

  // Runs it with the faults given.
  void Start(const std::string& faults);
  // From now on until Start, it may also end with exit code 1: the source was taken
  // away, which a daemon that has not reached it yet does not wait for.
  void NoteDisturbance() { disturbed_ = true; }
  // Judges it where it has ended by itself, and starts it again, without faults.
  void LookAfter();
  void Kill();
  void Stop();
  void Signal(int signal) {
    if (program_.has_value()) program_->Signal(signal);
  }
  // Whether each of the faults that Start was given, but those of no consequence by themselves, has
  // acted.
  bool HasFailed() const;

  // What it wrote, all runs together.
  const std::string& log() const { return log_; }

 private:
  void Judge(const test::Outcome& outcome, bool asked);

  const std::string name_;
  const test::DaemonOptions options_;
  const std::string canary_;
  Findings* const findings_;
  std::optional<test::Program> program_;
  std::string faults_;
  bool disturbed_ = false;
  std::string log_;
};

// How often the faults of each point acted, by a daemon's log: "store.write" while it streamed,
// "store.write@snapshot" while it took a base snapshot, "store.write@gap" between a gap and the
// stream's beginning.
std::map<std::string, int> FaultsIn(const std::string& log);

}  // namespace trunkline::crash
