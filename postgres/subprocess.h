// Subprocess: programs that we start, as ourselves or as another user.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace trunkline::postgres {

// Who a program runs as. Looked up before the fork, where allocating is allowed.
struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

// kNotFound when the system has no such user.
Result<User> LookUpUser(const std::string& name);

struct SpawnOptions {
  std::vector<std::string> arguments;  // arguments[0] is the program's path
  std::optional<User> user;            // empty: ourselves
  std::string directory;               // entered before the program starts
  std::string output;                  // file that standard output and error are appended to
  std::string messages = {};           // file for standard error alone; empty: as `output`
  int input = -1;                      // becomes standard input; -1: /dev/null
  // Whether the program gets SIGTERM when the thread that started it ends.
  bool dies_with_thread = false;
  // Whether everybody else comes first: runs at the lowest priority, and is the first to go where
  // memory runs out.
  bool yields = false;
};

// The program runs in a session of its own, so that a terminal's Ctrl-C reaches us alone, holds no
// file of ours but the ones above, and starts with no signal blocked.
Result<pid_t> Spawn(const SpawnOptions& options);

// Waits for the end; the exit code, or 128 + the signal that ended it. kCodeNoDirectory and
// kCodeNoProgram are Spawn's own failures inside the new process.
inline constexpr int kCodeNoDirectory = 126;
inline constexpr int kCodeNoProgram = 127;
int WaitForExit(pid_t pid);
// The same without waiting; empty while it runs.
std::optional<int> ExitCodeIfEnded(pid_t pid);

}  // namespace trunkline::postgres
