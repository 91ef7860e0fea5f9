#include "postgres/server.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include "base/log.h"
#include "postgres/server_guard.h"
#include "postgres/subprocess.h"

namespace trunkline::postgres {
namespace {

constexpr int kSocketPort = 5432;  // part of the socket's name alone
constexpr auto kPollInterval = std::chrono::milliseconds(10);
constexpr auto kStartTimeout = std::chrono::seconds(60);

// The last line of a log that says why a program gave up; it holds no row values.
std::string LastComplaint(const std::string& log) {
  std::ifstream file(log);
  std::string complaint;
  for (std::string line; std::getline(file, line);) {
    for (const char* mark : {"FATAL:", "PANIC:", "error:", "ERROR:"}) {
      if (const size_t at = line.find(mark); at != std::string::npos) complaint = line.substr(at);
    }
    // What follows it is but its consequence.
    if (line.find("No space left on device") != std::string::npos) break;
  }
  return complaint;
}

// As postgresql.conf takes it, line breaks included.
std::string QuoteSetting(const std::string& value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return quoted + "'";
}

std::string QuoteConninfo(const std::string& value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

Error CannotEnter(const std::string& user, const std::string& folder) {
  return Error{ErrorKind::kDenied, "the user " + user + " cannot enter " + folder,
               "each folder above it must be open to that user (chmod o+x)"};
}

// All of the file system at once: a thousand files one after another take a disk's flush each.
Result<void> SyncFileSystem(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Fail(ErrnoError("cannot open " + folder, errno));
  const bool synced = syncfs(descriptor) == 0;
  const int number = errno;
  close(descriptor);
  if (!synced) return Fail(ErrnoError("cannot sync " + folder, number));
  return {};
}

// As whom a server runs; empty: as ourselves.
Result<std::optional<User>> OtherUser() {
  if (geteuid() != 0) return std::optional<User>();
  auto postgres = LookUpUser(ServerUser());
  if (postgres) return std::optional<User>(std::move(*postgres));
  return Fail(ErrorKind::kDenied, "Postgres does not run as root, and there is no user postgres",
              "run as another user, or add the user postgres");
}

class PrivateServer : public Server {
 public:
  PrivateServer(ServerOptions options, std::string folder, std::optional<User> user,
                std::unique_ptr<ServerGuard> guard)
      : options_(std::move(options)),
        folder_(std::move(folder)),
        user_(std::move(user)),
        guard_(std::move(guard)) {}

  ~PrivateServer() override {
    if (auto stopped = Stop(true); !stopped) spdlog::warn("{}", stopped.error().ToString());
  }

  std::string conninfo(const std::string& database) const override {
    return "host=" + QuoteConninfo(folder_) + " port=" + std::to_string(port()) +
           " user=" + QuoteConninfo(keeps_data() ? ServerUser() : "postgres") +
           " dbname=" + QuoteConninfo(database);
  }
  const std::string& folder() const override { return folder_; }
  const std::string& bin_directory() const override { return options_.bin_directory; }
  pid_t pid() const override { return pid_; }

  Result<void> Initialize() {
    TRY(options_.copy_of.empty() ? MakeData() : CopyData());
    std::vector<std::string> settings = {
        "listen_addresses = '" + std::string(options_.tcp_port != 0 ? "127.0.0.1" : "") + "'",
        "port = " + std::to_string(port()),
        "unix_socket_directories = " + QuoteSetting(folder_),
        "unix_socket_permissions = 0700",
        "timezone = 'UTC'",
        "log_timezone = 'UTC'"};
    settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
    if (keeps_data()) TRY(ConfigureApart());
    return Configure(settings);
  }

  Result<void> MakeData() {
    std::vector<std::string> arguments = {program("initdb"),  "--pgdata=" + data(),
                                          "--no-sync",        "--encoding=UTF8",
                                          "--locale=C.UTF-8", "--no-instructions"};
    if (keeps_data()) {
      arguments.insert(arguments.end(), {"--auth-local=peer", "--auth-host=scram-sha-256"});
    } else {
      arguments.insert(arguments.end(), {"--auth=trust", "--username=postgres"});
    }
    return RunTool("initdb", std::move(arguments));
  }

  // As the user who may read it and is to own it.
  Result<void> CopyData() { return RunTool("cp", {"/bin/cp", "-R", options_.copy_of, data()}); }

  Result<void> Launch() {
    auto server =
        Spawn({.arguments = {program("postgres"), "-D", data(), "--config-file=" + configuration()},
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

  Result<void> Seal() override {
    TRY(Stop(false));
    // It says how the server was started, and `pg_ctl restart` would start it so again.
    if (const std::string file = data() + "/postmaster.opts"; unlink(file.c_str()) != 0) {
      return Fail(ErrnoError("cannot remove " + file, errno));
    }
    return SyncFileSystem(data());
  }

 private:
  bool keeps_data() const { return !options_.data_to_keep.empty(); }
  std::string data() const { return keeps_data() ? options_.data_to_keep : folder_ + "/data"; }
  // Of a PGDATA to keep, the configuration for now is apart from it.
  std::string configuration() const {
    return (keeps_data() ? folder_ : data()) + "/postgresql.conf";
  }
  std::string log() const { return folder_ + "/log"; }
  std::string program(const char* name) const { return options_.bin_directory + "/" + name; }
  int port() const { return options_.tcp_port != 0 ? options_.tcp_port : kSocketPort; }

  // Runs a program until it ends, as the server's user.
  Result<void> RunTool(const char* name, std::vector<std::string> arguments) const {
    auto tool = Spawn({.arguments = std::move(arguments),
                       .user = user_,
                       .directory = keeps_data() ? data() : folder_,
                       .output = log(),
                       .dies_with_thread = true});
    if (!tool) return Fail(std::move(tool).error());
    if (const int code = WaitForExit(*tool); code != 0) return ProgramFailed(name, code);
    return {};
  }

  Result<void> AppendLines(const std::string& path, const std::vector<std::string>& lines) const {
    std::ofstream file(path, std::ios::app);
    for (const std::string& line : lines) file << line << '\n';
    file.close();
    if (!file) return Fail(ErrorKind::kFailed, "cannot write " + path);
    if (user_ && chown(path.c_str(), user_->uid, user_->gid) != 0) {
      return Fail(ErrnoError("cannot give " + path + " to the user " + user_->name, errno));
    }
    return {};
  }

  // Settings read later override earlier ones.
  Result<void> Configure(const std::vector<std::string>& settings) {
    return AppendLines(configuration(), settings);
  }

  // Only who may enter our folder reaches the socket.
  Result<void> ConfigureApart() {
    const std::string access = folder_ + "/pg_hba.conf";
    TRY(AppendLines(access, {"local all all trust"}));
    return Configure({"include " + QuoteSetting(data() + "/postgresql.conf"),
                      "hba_file = " + QuoteSetting(access)});
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
      return Fail(CannotEnter(user_->name, keeps_data() ? data() : folder_));
    }
    std::string complaint = LastComplaint(log());
    if (complaint.empty()) complaint = "exit code " + std::to_string(code);
    return Fail(ErrorKind::kFailed, "private server: " + std::string(name) + ": " + complaint);
  }

  ServerOptions options_;
  std::string folder_;
  std::optional<User> user_;
  std::unique_ptr<ServerGuard> guard_;  // after the server has stopped, removes the folder
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

std::string ServerUser() {
  if (geteuid() == 0) return "postgres";
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::to_string(geteuid()) : found->pw_name;
}

Result<void> CheckServerCanEnter(const std::string& folder) {
  ASSIGN_OR_RETURN(std::optional<User> user, OtherUser());
  if (!user) return {};
  const std::string name = user->name;
  ASSIGN_OR_RETURN(const pid_t pid, Spawn({.arguments = {"/bin/true"},
                                           .user = std::move(user),
                                           .directory = folder,
                                           .output = "/dev/null"}));
  if (WaitForExit(pid) == kCodeNoDirectory) return Fail(CannotEnter(name, folder));
  return {};
}

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  ServerOptions complete = options;
  if (complete.bin_directory.empty()) {
    ASSIGN_OR_RETURN(complete.bin_directory, FindBinDirectory());
  }
  ASSIGN_OR_RETURN(std::optional<User> user, OtherUser());
  const char* temporary = std::getenv("TMPDIR");
  if (complete.parent_directory.empty()) {
    complete.parent_directory = temporary != nullptr && *temporary != '\0' ? temporary : "/tmp";
  }
  ASSIGN_OR_RETURN(const std::string folder, MakeFolder(complete.parent_directory, user));
  std::vector<std::string> ours = {folder};
  if (const std::string& data = options.data_to_keep; !data.empty()) {
    ours.push_back(data);
    if (user && chown(data.c_str(), user->uid, user->gid) != 0) {
      const int number = errno;
      rmdir(folder.c_str());
      return Fail(ErrnoError("cannot give " + data + " to the user " + user->name, number));
    }
  }
  auto guard = ServerGuard::Start(ours);
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
