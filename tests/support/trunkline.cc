#include "tests/support/trunkline.h"

#include <stdexcept>

#include "archive/store.h"
#include "tests/support/must.h"

namespace trunkline::test {
namespace {

// The names of an archive's objects in a folder of it, without the folder.
std::vector<std::string> ObjectsBelow(const std::string& archive, const std::string& folder) {
  if (archive.find("://") == std::string::npos) return FilesBelow(archive + "/" + folder);
  std::vector<std::string> names;
  for (const ObjectInfo& object : Must(Must(OpenStore(archive))->List(folder + "/"))) {
    names.push_back(object.name.substr(folder.size() + 1));
  }
  return names;
}

}  // namespace

Outcome Trunkline(std::vector<std::string> arguments, milliseconds deadline,
                  ProgramOptions options) {
  arguments.insert(arguments.begin(), Binary("trunkline"));
  return RunProgram(std::move(arguments), deadline, std::move(options));
}

std::vector<std::string> Daemon::Command() const {
  std::vector<std::string> command = {Binary(options_.program), "--source", options_.source,
                                      "--archive", options_.archive};
  command.insert(command.end(), options_.arguments.begin(), options_.arguments.end());
  return command;
}

void Daemon::Start() {
  program_ =
      std::make_unique<Program>(Command(), ProgramOptions{.environment = options_.environment});
}

Outcome Daemon::Stop(int signal) {
  program_->Signal(signal);
  Outcome outcome = program_->Wait(seconds(60));
  past_log_ += outcome.err;
  program_.reset();
  return outcome;
}

void Daemon::Kill() {
  program_->Signal(SIGKILL);
  past_log_ += program_->Wait(seconds(10)).err;
  program_.reset();
}

Outcome Daemon::RunTo(const std::string& endpos, milliseconds deadline) {
  std::vector<std::string> command = Command();
  command.insert(command.end(), {"--endpos", endpos});
  Outcome outcome =
      RunProgram(std::move(command), deadline, ProgramOptions{.environment = options_.environment});
  past_log_ += outcome.err;
  return outcome;
}

template <typename Predicate>
void Daemon::Await(const std::string& what, milliseconds deadline, Predicate done) {
  const bool reached = Eventually(deadline, [&] { return done() || !program_->running(); });
  if (reached && done()) return;
  throw std::runtime_error("trunklined " +
                           std::string(program_->running() ? "did not reach " : "ended before ") +
                           what + "; its log:\n" + log());
}

void Daemon::AwaitSnapshot(milliseconds deadline) {
  Await("a complete snapshot", deadline, [&] {
    for (const std::string& name : ObjectsBelow(options_.archive, "snapshots")) {
      if (name.ends_with("/complete")) return true;
    }
    return false;
  });
}

void Daemon::AwaitEnd(Lsn lsn, milliseconds deadline) {
  Await("LSN " + lsn.ToString(), deadline, [&] { return ArchiveEnd(options_.archive) >= lsn; });
}

std::string Daemon::log() const {
  return past_log_ + (program_ != nullptr ? program_->ErrorSoFar() : "");
}

std::vector<std::string> Segments(const std::string& archive) {
  std::vector<std::string> segments;
  for (const std::string& name : ObjectsBelow(archive, "changes")) {
    if (name.size() == 37 && name.ends_with(".seg")) segments.push_back("changes/" + name);
  }
  return segments;
}

Lsn ArchiveEnd(const std::string& archive) {
  const std::vector<std::string> segments = Segments(archive);
  if (segments.empty()) return Lsn{};
  const std::string& last = segments.back();
  return Must(Lsn::FromHex16(last.substr(last.size() - 20, 16)));
}

}  // namespace trunkline::test
