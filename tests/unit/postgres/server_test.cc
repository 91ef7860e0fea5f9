#include "postgres/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "postgres/libpq.h"

namespace trunkline::postgres {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// One value of one row, or libpq's message.
std::string Ask(const std::string& conninfo, const std::string& sql) {
  const char* const keywords[] = {"dbname", nullptr};
  const char* const values[] = {conninfo.c_str(), nullptr};
  PGconn* connection = PQconnectdbParams(keywords, values, /*expand_dbname=*/1);
  std::string answer = PQerrorMessage(connection);
  if (PQstatus(connection) == CONNECTION_OK) {
    PGresult* result = PQexec(connection, sql.c_str());
    answer = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : PQresultErrorMessage(result);
    PQclear(result);
  }
  PQfinish(connection);
  return answer;
}

bool Runs(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(stat, line)) return false;
  return line.substr(line.rfind(')') + 2, 1) != "Z";  // a zombie has ended
}

template <typename Condition>
bool Within10Seconds(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::unique_ptr<Server> StartServer(ServerOptions options = {}) {
  auto server = Server::Start(options);
  EXPECT_TRUE(server) << server.error().ToString();
  return server ? std::move(*server) : nullptr;
}

TEST(ServerTest, AnswersAndLeavesNothingBehind) {
  auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const std::string folder = server->folder();
  const pid_t pid = server->pid();
  EXPECT_EQ(Ask(server->conninfo("postgres"), "SHOW server_encoding"), "UTF8");
  EXPECT_EQ(Ask(server->conninfo("postgres"), "SHOW lc_collate"), "C.UTF-8");
  EXPECT_EQ(Ask(server->conninfo("postgres"), "SHOW listen_addresses"), "");
  EXPECT_EQ(Ask(server->conninfo("postgres"), "SHOW wal_level"), "minimal");
  server.reset();
  EXPECT_FALSE(fs::exists(folder));
  EXPECT_FALSE(Runs(pid));
}

TEST(ServerTest, RestartsWithMoreSettings) {
  auto server = StartServer();
  ASSERT_NE(server, nullptr);
  ASSERT_TRUE(server->Restart({"wal_level = logical", "max_wal_senders = 4"}));
  EXPECT_EQ(Ask(server->conninfo("postgres"), "SHOW wal_level"), "logical");
}

TEST(ServerTest, RejectedSettingIsReported) {
  auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto restarted = server->Restart({"wal_level = sideways"});
  ASSERT_FALSE(restarted);
  EXPECT_THAT(restarted.error().message, HasSubstr("postgres: FATAL:"));
}

TEST(ServerTest, ReleasedDataStays) {
  auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const std::string folder = server->folder();
  const auto data = server->Release();
  ASSERT_TRUE(data) << data.error().ToString();
  server.reset();
  EXPECT_TRUE(fs::exists(fs::path(*data) / "PG_VERSION"));
  EXPECT_FALSE(fs::exists(fs::path(*data) / "postmaster.pid"));
  fs::remove_all(folder);
}

TEST(ServerTest, QuotesDatabaseNames) {
  auto server = StartServer();
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(Ask(server->conninfo("postgres"), "CREATE DATABASE \"it's a \\ name\""), "");
  EXPECT_EQ(Ask(server->conninfo("it's a \\ name"), "SELECT current_database()"), "it's a \\ name");
}

// A process that is killed cannot clean up; the guard does.
TEST(ServerTest, KilledOwnerLeavesNothingBehind) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t owner = fork();
  if (owner == 0) {
    auto server = Server::Start({});
    const std::string line =
        server ? (*server)->folder() + "\n" + std::to_string((*server)->pid()) + "\n" : "\n";
    if (write(ends[1], line.data(), line.size()) > 0) kill(getpid(), SIGKILL);
    _exit(1);
  }
  close(ends[1]);
  FILE* reader = fdopen(ends[0], "r");
  char folder[256] = "";
  int pid = 0;
  ASSERT_EQ(fscanf(reader, "%255s %d", folder, &pid), 2);
  fclose(reader);
  waitpid(owner, nullptr, 0);
  EXPECT_TRUE(Within10Seconds([&] { return !Runs(pid) && !fs::exists(folder); }));
}

TEST(ServerTest, TooLongAPathIsRefused) {
  const auto server = Server::Start({.parent_directory = "/tmp/" + std::string(100, 'x')});
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(server.error().message, HasSubstr("too long"));
}

TEST(ServerTest, ClosedParentFolderIsReported) {
  if (geteuid() != 0) GTEST_SKIP() << "only root runs the server as another user";
  char closed[] = "/tmp/trunkline-closed-XXXXXX";
  ASSERT_NE(mkdtemp(closed), nullptr);  // 0700, of root
  const auto server = Server::Start({.parent_directory = closed});
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().kind, ErrorKind::kDenied);
  EXPECT_TRUE(fs::is_empty(closed));
  fs::remove_all(closed);
}

TEST(ServerTest, MissingBinDirectoryIsReported) {
  setenv("TRUNKLINE_PG_BINDIR", "/nonexistent", 1);
  const auto found = FindBinDirectory();
  unsetenv("TRUNKLINE_PG_BINDIR");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace trunkline::postgres
