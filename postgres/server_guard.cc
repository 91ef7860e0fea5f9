#include "postgres/server_guard.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/log.h"
#include "postgres/subprocess.h"

namespace trunkline::postgres {
namespace {

// Its standard input closes when we end; it then ends the server whose pid it was told last and
// removes the folders. "keep" tells it to leave all alone.
constexpr char kGuardScript[] = R"(
pid=
while read -r line; do pid=$line; done
[ "$pid" = keep ] && exit 0
if [ -n "$pid" ] && kill -QUIT "$pid"; then
  n=0
  while kill -0 "$pid" && [ $n -lt 200 ]; do sleep 0.05; n=$((n + 1)); done
  kill -KILL "$pid"
fi
cd /
rm -rf -- "$@"
)";

}  // namespace

Result<std::unique_ptr<ServerGuard>> ServerGuard::Start(const std::vector<std::string>& folders) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Fail(ErrnoError("cannot make a socket pair", errno));
  }
  std::vector<std::string> arguments = {"/bin/sh", "-c", kGuardScript, "sh"};
  arguments.insert(arguments.end(), folders.begin(), folders.end());
  auto pid = Spawn({.arguments = std::move(arguments),
                    .user = std::nullopt,
                    .directory = "/",
                    .output = "/dev/null",
                    .input = ends[0]});
  close(ends[0]);
  if (!pid) {
    close(ends[1]);
    return Fail(std::move(pid).error());
  }
  return std::unique_ptr<ServerGuard>(new ServerGuard(*pid, ends[1]));
}

ServerGuard::~ServerGuard() {
  close(socket_);
  WaitForExit(pid_);
}

void ServerGuard::Watch(pid_t server) { Tell(std::to_string(server)); }
void ServerGuard::Unwatch() { Tell(""); }
void ServerGuard::Keep() { Tell("keep"); }

void ServerGuard::Tell(std::string line) {
  line += '\n';
  if (send(socket_, line.data(), line.size(), MSG_NOSIGNAL) < 0) {
    spdlog::debug("the private server's guard is gone");
  }
}

}  // namespace trunkline::postgres
