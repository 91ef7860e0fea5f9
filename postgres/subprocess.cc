#include "postgres/subprocess.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace trunkline::postgres {
namespace {

int DecodeStatus(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void ResetSignals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD}) {
    signal(number, SIG_DFL);
  }
}

bool BecomeUser(const User& user) {
  return setgroups(user.groups.size(), user.groups.data()) == 0 && setgid(user.gid) == 0 &&
         setuid(user.uid) == 0;
}

void Yield() {
  setpriority(PRIO_PROCESS, 0, 19);
  const int score = open("/proc/self/oom_score_adj", O_WRONLY);
  if (score < 0) return;
  [[maybe_unused]] const ssize_t written = write(score, "1000", 4);
  close(score);
}

// Everything here is async-signal-safe: the parent may have threads.
[[noreturn]] void RunChild(const SpawnOptions& options, char* const* arguments) {
  ResetSignals();
  setsid();
  const int input = options.input >= 0 ? options.input : open("/dev/null", O_RDONLY);
  const int output = open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int messages = options.messages.empty()
                           ? output
                           : open(options.messages.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (input < 0 || output < 0 || messages < 0) _exit(kCodeNoDirectory);
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(messages, 2) < 0) _exit(kCodeNoDirectory);
  close_range(3, ~0U, 0);
  if (options.user && !BecomeUser(*options.user)) _exit(kCodeNoDirectory);
  // After the change of user, which clears it.
  if (options.yields) Yield();
  if (options.dies_with_thread) prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (chdir(options.directory.c_str()) != 0) _exit(kCodeNoDirectory);
  execv(arguments[0], arguments);
  _exit(kCodeNoProgram);
}

}  // namespace

Result<User> LookUpUser(const std::string& name) {
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) {
    return Fail(ErrorKind::kNotFound, "the system has no user \"" + name + "\"");
  }
  User user{name, entry->pw_uid, entry->pw_gid, {}};
  int count = 64;
  user.groups.resize(static_cast<size_t>(count));
  while (getgrouplist(name.c_str(), user.gid, user.groups.data(), &count) < 0) {
    user.groups.resize(static_cast<size_t>(count));
  }
  user.groups.resize(static_cast<size_t>(count));
  return user;
}

Result<pid_t> Spawn(const SpawnOptions& options) {
  std::vector<char*> arguments;
  for (const std::string& argument : options.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return Fail(ErrnoError("cannot start " + options.arguments[0], errno));
  if (pid == 0) RunChild(options, arguments.data());
  return pid;
}

int WaitForExit(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return kCodeNoProgram;
  }
  return DecodeStatus(status);
}

std::optional<int> ExitCodeIfEnded(pid_t pid) {
  int status = 0;
  const pid_t ended = waitpid(pid, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return std::nullopt;
  return ended < 0 ? kCodeNoProgram : DecodeStatus(status);
}

}  // namespace trunkline::postgres
