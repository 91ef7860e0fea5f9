// Program: a child process with its output captured; every wait has a deadline.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/files.h"

namespace trunkline::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Outcome {
  int exit_code = -1;  // 128 + signal number when a signal ended it
  bool timed_out = false;
  double elapsed_seconds = 0;
  std::string out;
  std::string err;
};

// How a test prints what a program did.
std::ostream& operator<<(std::ostream& os, const Outcome& outcome);

struct ProgramOptions {
  std::map<std::string, std::string> environment = {};  // added to ours
  std::string input = {};                               // standard input
  std::string output_file = {};  // standard output goes here instead of `out`
};

class Program {
 public:
  // Starts command[0] with the rest as its arguments; looked up in PATH unless it has a slash.
  explicit Program(std::vector<std::string> command, ProgramOptions options = {});
  // Kills it if it still runs.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void Signal(int signal);
  // Waits for the end; kills the program at the deadline, and says so in the outcome.
  Outcome Wait(milliseconds deadline);
  std::string ErrorSoFar() const;
  // VmHWM: the most memory that the running program has had resident.
  int64_t PeakMemoryKib() const;

 private:
  std::vector<std::string> command_;
  std::unique_ptr<TempFolder> folder_;
  std::string output_path_;
  pid_t pid_ = -1;
  std::chrono::steady_clock::time_point started_;
  std::optional<int> status_;
  double elapsed_seconds_ = 0;
};

Outcome RunProgram(std::vector<std::string> command, milliseconds deadline = seconds(120),
                   ProgramOptions options = {});

// The path of one of our own programs ("trunkline", "trunklined").
std::string Binary(const std::string& name);
// The path of a file of the source tree.
std::string SourceFile(const std::string& name);

// Asks until `done` says yes; false at the deadline.
template <typename Predicate>
bool Eventually(milliseconds deadline, Predicate done) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return true;
}

}  // namespace trunkline::test
