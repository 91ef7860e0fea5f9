// ServerGuard: a process that outlives us, to end a private server and remove its folders however
// we end.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace trunkline::postgres {

// Destroying it removes the folders, after what it watches has been ended, and waits for that.
class ServerGuard {
 public:
  static Result<std::unique_ptr<ServerGuard>> Start(const std::vector<std::string>& folders);
  ~ServerGuard();
  ServerGuard(const ServerGuard&) = delete;
  ServerGuard& operator=(const ServerGuard&) = delete;

  void Watch(pid_t server);
  void Unwatch();
  // From now on it leaves everything alone.
  void Keep();

 private:
  ServerGuard(pid_t pid, int socket) : pid_(pid), socket_(socket) {}
  void Tell(std::string line);

  pid_t pid_;
  int socket_;
};

}  // namespace trunkline::postgres
