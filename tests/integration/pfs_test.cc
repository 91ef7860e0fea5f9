// Both programs with an archive in PFS, on the server of tests/pfs_server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/pfs_server_process.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class PfsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { source_ = std::make_unique<Source>(); }
  static void TearDownTestSuite() { source_.reset(); }

  void SetUp() override {
    static int count = 0;
    database_ = "pfs" + std::to_string(++count);
    conninfo_ =
        source_->NewDatabase(database_,
                             "CREATE TABLE public.t (id bigserial PRIMARY KEY, v text); "
                             "CREATE PUBLICATION trunkline FOR TABLE public.t; "
                             "INSERT INTO public.t (v) SELECT n FROM generate_series(1, 100) n");
  }
  void TearDown() override { source_->DropSlots(database_); }

  Daemon NewDaemon(const std::string& archive,
                   std::map<std::string, std::string> environment = {}) {
    return Daemon({.source = conninfo_,
                   .archive = archive,
                   .arguments = {"--segment-max-age", "100ms"},
                   .environment = std::move(environment)});
  }
  // Some transactions of every kind.
  void Trade(int transactions) {
    Session session(conninfo_);
    for (int i = 0; i < transactions; ++i) {
      session.Do(
          "INSERT INTO public.t (v) SELECT md5(n::text) FROM generate_series(1, 20) n; "
          "UPDATE public.t SET v = v || '+' WHERE id % 7 = " +
          std::to_string(i % 7) +
          "; DELETE FROM public.t WHERE id % 11 = " + std::to_string(i % 11));
    }
  }
  static void ExpectEqual(const std::string& archive, const ExactState& state) {
    TempFolder folder;
    const Outcome outcome = Trunkline({"replay", archive, "--at", "lsn:" + state.lsn.ToString(),
                                       "--to", "csv:" + (folder / "csv")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_EQ(FolderDifference(state.tables, folder / "csv"), "");
  }

  static std::unique_ptr<Source> source_;
  std::string database_;
  std::string conninfo_;
};

std::unique_ptr<Source> PfsTest::source_;

TEST_F(PfsTest, KilledAndRestartedWhileAnswersAreLost) {
  PfsServerProcess server({"--finishing-ms", "30", "--fault", "ModifyFile 3 after unavailable",
                           "--fault", "ModifyFile 6-7 before unavailable", "--fault",
                           "ModifyFile 9 before finish-error the disk is on fire"});
  Daemon daemon = NewDaemon(server.url());
  daemon.Start();
  daemon.AwaitSnapshot();
  std::vector<ExactState> states;
  for (int round = 0; round < 4; ++round) {
    Trade(10);
    states.push_back(TakeExactState(conninfo_, "trunkline"));
    std::this_thread::sleep_for(milliseconds(150 * round));
    daemon.Kill();
    Trade(5);
    daemon.Start();
  }
  states.push_back(TakeExactState(conninfo_, "trunkline"));
  daemon.AwaitEnd(states.back().lsn);
  const Outcome stopped = daemon.Stop();
  EXPECT_EQ(stopped.exit_code, 0) << stopped;
  EXPECT_THAT(daemon.log(), HasSubstr("as the script has it"));

  const Outcome verified = Trunkline({"verify", server.url()});
  EXPECT_EQ(verified.exit_code, 0) << verified;
  for (const ExactState& state : states) ExpectEqual(server.url(), state);
  const Outcome info = Trunkline({"info", server.url()});
  EXPECT_EQ(info.exit_code, 0) << info;
  EXPECT_THAT(info.out, HasSubstr(server.url()));
  const Outcome log = Trunkline({"log", server.url(), "--table", "t", "--format", "jsonl"});
  EXPECT_EQ(log.exit_code, 0) << log;
  EXPECT_GT(log.out.size(), 1000U);
}

TEST_F(PfsTest, RefusalsSayWhatToDo) {
  PfsServerProcess server({"--token", "secret"});
  Daemon wrong = NewDaemon(server.url(), {{"PACH_TOKEN", "secret-no-more"}});
  const Outcome refused = wrong.RunTo("now");
  EXPECT_EQ(refused.exit_code, 1) << refused;
  EXPECT_THAT(refused.err, HasSubstr("set PACH_TOKEN"));
  EXPECT_THAT(refused.err, Not(HasSubstr("secret")));
  Daemon right = NewDaemon(server.url(), {{"PACH_TOKEN", "secret"}});
  const Outcome done = right.RunTo("now");
  EXPECT_EQ(done.exit_code, 0) << done;
  const Outcome info = Trunkline({"info", server.url()});
  EXPECT_EQ(info.exit_code, 1) << info;
  EXPECT_THAT(info.err, HasSubstr("PACH_TOKEN"));
  const Outcome empty = Trunkline({"info", server.url("elsewhere")}, seconds(30),
                                  {.environment = {{"PACH_TOKEN", "secret"}}});
  EXPECT_EQ(empty.exit_code, 1) << empty;
  const Outcome usage = Trunkline({"info", "pfs://" + server.endpoint() + "/archive"});
  EXPECT_EQ(usage.exit_code, 2) << usage;
  EXPECT_THAT(usage.err, HasSubstr("names no branch"));
}

}  // namespace
}  // namespace trunkline::test
