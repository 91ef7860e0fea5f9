#include "tests/support/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ostream>
#include <stdexcept>

namespace trunkline::test {
namespace {

// In the child, between fork and exec: opens `path` as file descriptor `target`.
void Redirect(const std::string& path, int flags, int target) {
  const int file = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (file < 0 || dup2(file, target) < 0) _exit(127);
}

std::string Shortened(const std::string& text) {
  constexpr size_t kMost = 4000;
  if (text.size() <= kMost) return text;
  return text.substr(0, kMost / 2) + "\n[...]\n" + text.substr(text.size() - kMost / 2);
}

}  // namespace

std::ostream& operator<<(std::ostream& os, const Outcome& outcome) {
  return os << "exit code " << outcome.exit_code
            << (outcome.timed_out ? " (killed at its deadline)" : "") << " after "
            << outcome.elapsed_seconds << " s\n--- standard output:\n"
            << Shortened(outcome.out) << "--- standard error:\n"
            << Shortened(outcome.err);
}

Program::Program(std::vector<std::string> command, ProgramOptions options)
    : command_(std::move(command)),
      folder_(std::make_unique<TempFolder>()),
      output_path_(options.output_file.empty() ? *folder_ / "out" : options.output_file) {
  WriteFile(*folder_ / "in", options.input);
  std::vector<char*> arguments;
  for (std::string& argument : command_) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  int executed[2];
  if (pipe2(executed, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  started_ = std::chrono::steady_clock::now();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) {
    // Until then its memory is ours, which PeakMemoryKib must not take for the program's.
    close(executed[1]);
    char none = 0;
    while (read(executed[0], &none, 1) < 0 && errno == EINTR) {
    }
    close(executed[0]);
    return;
  }
  Redirect(*folder_ / "in", O_RDONLY, STDIN_FILENO);
  Redirect(output_path_, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
  Redirect(*folder_ / "err", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  execvp(arguments[0], arguments.data());
  dprintf(STDERR_FILENO, "cannot run %s: %s\n", arguments[0], strerror(errno));
  _exit(127);
}

Program::~Program() {
  if (!running()) return;
  Signal(SIGKILL);
  Wait(seconds(10));
}

bool Program::running() {
  if (status_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return true;
  status_ = status;
  elapsed_seconds_ =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  return false;
}

void Program::Signal(int signal) {
  if (running()) kill(pid_, signal);
}

Outcome Program::Wait(milliseconds deadline) {
  Outcome outcome;
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (running()) {
    if (!outcome.timed_out && std::chrono::steady_clock::now() > end) {
      outcome.timed_out = true;
      kill(pid_, SIGKILL);
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  outcome.exit_code = WIFEXITED(*status_) ? WEXITSTATUS(*status_) : 128 + WTERMSIG(*status_);
  outcome.elapsed_seconds = elapsed_seconds_;
  if (Exists(*folder_ / "out")) outcome.out = ReadFile(*folder_ / "out");
  outcome.err = ErrorSoFar();
  return outcome;
}

std::string Program::ErrorSoFar() const {
  return Exists(*folder_ / "err") ? ReadFile(*folder_ / "err") : "";
}

int64_t Program::PeakMemoryKib() const {
  const std::string status = ReadFile("/proc/" + std::to_string(pid_) + "/status");
  const size_t at = status.find("VmHWM:");
  return at == std::string::npos ? 0 : std::stoll(status.substr(at + 6));
}

Outcome RunProgram(std::vector<std::string> command, milliseconds deadline,
                   ProgramOptions options) {
  return Program(std::move(command), std::move(options)).Wait(deadline);
}

std::string Binary(const std::string& name) {
  return std::string(TRUNKLINE_BINARY_FOLDER) + "/" + name;
}

std::string SourceFile(const std::string& name) {
  return std::string(TRUNKLINE_SOURCE_FOLDER) + "/" + name;
}

}  // namespace trunkline::test
