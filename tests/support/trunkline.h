// Our own programs, as a test runs them.
#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "tests/support/program.h"

namespace trunkline::test {

// Runs `trunkline ARGUMENTS...`.
Outcome Trunkline(std::vector<std::string> arguments, milliseconds deadline = seconds(120),
                  ProgramOptions options = {});

struct DaemonOptions {
  std::string source;  // conninfo
  std::string archive;
  std::vector<std::string> arguments = {};  // further ones
  std::map<std::string, std::string> environment = {};
  std::string program = "trunklined";
};

// trunklined on one archive, a path or another address; the archive outlives it and may be given to
// another one.
class Daemon {
 public:
  explicit Daemon(DaemonOptions options) : options_(std::move(options)) {}

  void Start();
  // Sends `signal`, and waits for the end.
  Outcome Stop(int signal = SIGTERM);
  // SIGKILL.
  void Kill();
  // Runs it with --endpos until it ends by itself.
  Outcome RunTo(const std::string& endpos, milliseconds deadline = seconds(120));
  // Waits until a base snapshot is complete; throws, with the daemon's log, when the daemon ends or
  // the deadline passes before.
  void AwaitSnapshot(milliseconds deadline = seconds(60));
  // Waits until the archive's segments reach `lsn`; throws likewise.
  void AwaitEnd(Lsn lsn, milliseconds deadline = seconds(60));

  Program& program() { return *program_; }
  const std::string& archive() const { return options_.archive; }
  // What all runs so far wrote to standard error.
  std::string log() const;

 private:
  std::vector<std::string> Command() const;
  template <typename Predicate>
  void Await(const std::string& what, milliseconds deadline, Predicate done);

  DaemonOptions options_;
  std::unique_ptr<Program> program_;
  std::string past_log_;
};

// The end of the last segment, read off the objects' names; Lsn{} when there is none.
Lsn ArchiveEnd(const std::string& archive);
// Paths of an archive's segments, relative to it, in LSN order.
std::vector<std::string> Segments(const std::string& archive);

}  // namespace trunkline::test
