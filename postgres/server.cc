#include "postgres/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include "base/log.h"
#include "postgres/subprocess.h"

namespace trunkline::postgres {
namespace {

constexpr int kSocketPort = 5432;  // part of the socket's name alone
constexpr auto kPollInterval = std::chrono::milliseconds(10);
constexpr auto kStartTimeout = std::chrono::seconds(60);

// Runs beside us and outlives us: however we end, its standard input then closes, and it ends the
// server whose pid it was told last and removes the folder. "keep" tells it to leave all alone.
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
rm -rf -- "$1"
)";

class Guard {
 public:
  static Result<std::unique_ptr<Guard>> Start(const std::string& folder) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      return Fail(ErrnoError("cannot make a socket pair", errno));
    }
    auto pid = Spawn({.arguments = {"/bin/sh", "-c", kGuardScript, "sh", folder},
                      .user = std::nullopt,
                      .directory = "/",
                      .output = "/dev/null",
                      .input = ends[0]});
    close(ends[0]);
    if (!pid) {
      close(ends[1]);
      return Fail(std::move(pid).error());
    }
    return std::unique_ptr<Guard>(new Guard(*pid, ends[1]));
  }

  ~Guard() {
    close(socket_);
    WaitForExit(pid_);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  void Watch(pid_t server) { Tell(std::to_string(server)); }
  void Unwatch() { Tell(""); }
  void Keep() { Tell("keep"); }

 private:
  Guard(pid_t pid, int socket) : pid_(pid), socket_(socket) {}

  void Tell(std::string line) {
    line += '\n';
    if (send(socket_, line.data(), line.size(), MSG_NOSIGNAL) < 0) {
      spdlog::debug("the private server's guard is gone");
    }
  }

  pid_t pid_;
  int socket_;
};

// The last line of a log that says why a program gave up; it holds no row values.
std::string LastComplaint(const std::string& log) {
  std::ifstream file(log);
  std::string complaint;
  for (std::string line; std::getline(file, line);) {
    for (const char* mark : {"FATAL:", "PANIC:", "error:", "ERROR:"}) {
      if (const size_t at = line.find(mark); at != std::string::npos) complaint = line.substr(at);
    }
  }
  return complaint;
}

std::string QuoteConninfo(const std::string& value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

class PrivateServer : public Server {
 public:
  PrivateServer(ServerOptions options, std::string folder, std::optional<User> user,
                std::unique_ptr<Guard> guard)
      : options_(std::move(options)),
        folder_(std::move(folder)),
        user_(std::move(user)),
        guard_(std::move(guard)) {}

  ~PrivateServer() override {
    if (auto stopped = Stop(true); !stopped) spdlog::warn("{}", stopped.error().ToString());
  }

  std::string conninfo(const std::string& database) const override {
    return "host=" + QuoteConninfo(folder_) + " port=" + std::to_string(port()) +
           " user=postgres dbname=" + QuoteConninfo(database);
  }
  const std::string& folder() const override { return folder_; }
  const std::string& bin_directory() const override { return options_.bin_directory; }
  pid_t pid() const override { return pid_; }

  Result<void> Initialize() {
    TRY(options_.copy_of.empty() ? MakeData() : CopyData());
    std::vector<std::string> settings = {
        "listen_addresses = '" + std::string(options_.tcp_port != 0 ? "127.0.0.1" : "") + "'",
        "port = " + std::to_string(port()),
        "unix_socket_directories = '" + folder_ + "'",
        "unix_socket_permissions = 0700",
        "timezone = 'UTC'",
        "log_timezone = 'UTC'"};
    settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
    return Configure(settings);
  }

  Result<void> MakeData() {
    auto initdb = Spawn(
        {.arguments = {program("initdb"), "--pgdata=" + data(), "--no-sync", "--username=postgres",
                       "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"},
         .user = user_,
         .directory = folder_,
         .output = log(),
         .dies_with_thread = true});
    if (!initdb) return Fail(std::move(initdb).error());
    if (const int code = WaitForExit(*initdb); code != 0) return ProgramFailed("initdb", code);
    return {};
  }

  // As the user who may read it and is to own it.
  Result<void> CopyData() {
    auto copy = Spawn({.arguments = {"/bin/cp", "-R", options_.copy_of, data()},
                       .user = user_,
                       .directory = folder_,
                       .output = log(),
                       .dies_with_thread = true});
    if (!copy) return Fail(std::move(copy).error());
    if (const int code = WaitForExit(*copy); code != 0) return ProgramFailed("cp", code);
    return {};
  }

  Result<void> Launch() {
    auto server = Spawn({.arguments = {program("postgres"), "-D", data()},
                         .user = user_,
                         .directory = folder_,
                         .output = log()});
    if (!server) return Fail(std::move(server).error());
    pid_ = *server;
    guard_->Watch(pid_);
    return WaitUntilReady();
  }

  Result<void> Stop(bool immediate) override {
    if (pid_ == 0) return {};
    kill(pid_, immediate ? SIGQUIT : SIGINT);
    const int code = WaitForExit(pid_);
    pid_ = 0;
    guard_->Unwatch();
    if (!immediate && code != 0) return ProgramFailed("postgres", code);
    return {};
  }

  Result<void> Restart(const std::vector<std::string>& more_settings) override {
    TRY(Stop(false));
    TRY(Configure(more_settings));
    return Launch();
  }

  Result<std::string> Release() override {
    TRY(Stop(false));
    guard_->Keep();
    return data();
  }

 private:
  std::string data() const { return folder_ + "/data"; }
  std::string log() const { return folder_ + "/log"; }
  std::string program(const char* name) const { return options_.bin_directory + "/" + name; }
  int port() const { return options_.tcp_port != 0 ? options_.tcp_port : kSocketPort; }

  // Settings read later override earlier ones.
  Result<void> Configure(const std::vector<std::string>& settings) {
    std::ofstream file(data() + "/postgresql.conf", std::ios::app);
    for (const std::string& setting : settings) file << setting << '\n';
    file.close();
    if (!file) return Fail(ErrorKind::kFailed, "cannot write " + data() + "/postgresql.conf");
    return {};
  }

  // As pg_ctl does: the eighth line of postmaster.pid tells the state.
  bool Ready() const {
    std::ifstream file(data() + "/postmaster.pid");
    std::string line;
    for (int i = 0; i < 8; ++i) {
      if (!std::getline(file, line)) return false;
    }
    return line.starts_with("ready");
  }

  Result<void> WaitUntilReady() {
    const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
    while (!Ready()) {
      if (const auto code = ExitCodeIfEnded(pid_)) {
        pid_ = 0;
        guard_->Unwatch();
        return ProgramFailed("postgres", *code);
      }
      if (std::chrono::steady_clock::now() > deadline) {
        return Fail(ErrorKind::kUnavailable, "the private server in " + folder_ +
                                                 " does not start: " + LastComplaint(log()));
      }
      std::this_thread::sleep_for(kPollInterval);
    }
    return {};
  }

  Result<void> ProgramFailed(const char* name, int code) const {
    if (code == kCodeNoDirectory && user_) {
      return Fail(ErrorKind::kDenied, "the user " + user_->name + " cannot enter " + folder_,
                  "each folder above it must be open to that user (chmod o+x)");
    }
    std::string complaint = LastComplaint(log());
    if (complaint.empty()) complaint = "exit code " + std::to_string(code);
    return Fail(ErrorKind::kFailed, "private server: " + std::string(name) + ": " + complaint);
  }

  ServerOptions options_;
  std::string folder_;
  std::optional<User> user_;
  std::unique_ptr<Guard> guard_;  // after the server has stopped, removes the folder
  pid_t pid_ = 0;
};

Result<std::string> MakeFolder(const std::string& parent, const std::optional<User>& user) {
  std::string folder = parent + "/trunkline-XXXXXX";
  const size_t socket_length = folder.size() + std::string("/.s.PGSQL.65535").size();
  if (socket_length >= sizeof(sockaddr_un::sun_path)) {
    return Fail(ErrorKind::kInvalidArgument,
                "the path of " + parent + " is too long for a Unix socket",
                "choose a temporary folder with a shorter path");
  }
  if (mkdtemp(folder.data()) == nullptr) {
    return Fail(ErrnoError("cannot make a folder in " + parent, errno));
  }
  if (user && chown(folder.c_str(), user->uid, user->gid) != 0) {
    const int number = errno;
    rmdir(folder.c_str());
    return Fail(ErrnoError("cannot give " + folder + " to the user " + user->name, number));
  }
  return folder;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  ServerOptions complete = options;
  if (complete.bin_directory.empty()) {
    ASSIGN_OR_RETURN(complete.bin_directory, FindBinDirectory());
  }
  std::optional<User> user;
  if (geteuid() == 0) {
    auto postgres = LookUpUser("postgres");
    if (!postgres) {
      return Fail(ErrorKind::kDenied,
                  "Postgres does not run as root, and there is no user postgres",
                  "run as another user, or add the user postgres");
    }
    user = std::move(*postgres);
  }
  ASSIGN_OR_RETURN(const std::string folder, MakeFolder(options.parent_directory, user));
  auto guard = Guard::Start(folder);
  if (!guard) {
    rmdir(folder.c_str());
    return Fail(std::move(guard).error());
  }
  auto server = std::make_unique<PrivateServer>(std::move(complete), folder, std::move(user),
                                                std::move(*guard));
  TRY(server->Initialize());
  TRY(server->Launch());
  return server;
}

}  // namespace trunkline::postgres
