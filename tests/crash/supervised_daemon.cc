#include "tests/crash/supervised_daemon.h"

#include <csignal>
#include <sstream>
#include <utility>

namespace trunkline::crash {
namespace {

using std::chrono::seconds;

constexpr seconds kStopPatience{60};
constexpr int kKilled = 128 + SIGKILL;
constexpr int kNotBegun = 128 + SIGTERM;  // before it has installed its handlers

bool Contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

SupervisedDaemon::SupervisedDaemon(std::string name, test::DaemonOptions options,
                                   std::string canary, Findings* findings)
    : name_(std::move(name)),
      options_(std::move(options)),
      canary_(std::move(canary)),
      findings_(findings) {}

void SupervisedDaemon::Start(const std::string& faults) {
  faults_ = faults;
  disturbed_ = false;
  std::vector<std::string> command = {test::Binary(options_.program), "--source", options_.source,
                                      "--archive", options_.archive};
  command.insert(command.end(), options_.arguments.begin(), options_.arguments.end());
  test::ProgramOptions program{.environment = options_.environment};
  const bool both = !faults.empty() && !canary_.empty();
  program.environment["TRUNKLINE_FAULTS"] = faults + (both ? "," : "") + canary_;
  log_ += "--- started, faults: " + faults + "\n";
  program_.emplace(std::move(command), std::move(program));
}

void SupervisedDaemon::LookAfter() {
  if (!program_.has_value() || program_->running()) return;
  Judge(program_->Wait(kStopPatience), /*asked=*/false);
  const bool disturbed = disturbed_;
  Start("");
  disturbed_ = disturbed;  // the source may still be away
}

bool SupervisedDaemon::HasFailed() const {
  const std::string written = program_.has_value() ? program_->ErrorSoFar() : std::string();
  std::istringstream faults(faults_);
  for (std::string fault; std::getline(faults, fault, ',');) {
    if (fault.ends_with(" wrong")) continue;
    const std::string point = fault.substr(0, fault.find(' '));
    if (!Contains(written, ("fault: " + point + ",").c_str())) return false;
  }
  return true;
}

void SupervisedDaemon::Kill() {
  if (!program_.has_value()) return;
  faults_ += " kill";
  program_->Signal(SIGKILL);
  Judge(program_->Wait(kStopPatience), /*asked=*/true);
}

void SupervisedDaemon::Stop() {
  if (!program_.has_value()) return;
  const bool running = program_->running();
  program_->Signal(SIGTERM);
  Judge(program_->Wait(kStopPatience), running);
}

// Only the ends that the faults and disturbances so far explain are right.
void SupervisedDaemon::Judge(const test::Outcome& outcome, bool asked) {
  program_.reset();
  log_ += outcome.err;
  const bool failed_by_fault = Contains(outcome.err, "fault: ") && Contains(faults_, " fail ");
  // It names the archive once it has reached the source.
  const bool lost_source = disturbed_ && (asked || !Contains(outcome.err, "; archive "));
  const bool right = outcome.exit_code == 0           ? asked
                     : outcome.exit_code == kKilled   ? Contains(faults_, " kill")
                     : outcome.exit_code == kNotBegun ? asked && outcome.err.empty()
                     : outcome.exit_code == 1         ? failed_by_fault || lost_source
                                                      : false;
  if (right && !outcome.timed_out) return;
  std::ostringstream text;
  text << name_ << (asked ? " was stopped: " : " ended by itself: ") << outcome;
  findings_->push_back(text.str());
}

std::map<std::string, int> FaultsIn(const std::string& log) {
  constexpr std::string_view kMark = "fault: ";
  std::map<std::string, int> faults;
  std::string phase;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("--- started") || Contains(line, "streaming from ")) phase.clear();
    if (Contains(line, "base snapshot: waiting") && phase.empty()) phase = "@snapshot";
    if (Contains(line, " GAP: ")) phase = "@gap";
    if (!line.starts_with(kMark)) continue;
    ++faults[line.substr(kMark.size(), line.find(',') - kMark.size()) + phase];
  }
  return faults;
}

}  // namespace trunkline::crash
