// Streams that seem alive and are not; sources in trouble of which nothing else would tell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "tests/integration/load.h"
#include "tests/integration/refusal.h"
#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/proxy.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kGivenUp[] = "not even the answer that it was asked for";

class AliveTest : public testing::Test {
 protected:
  explicit AliveTest(std::vector<std::string> settings = {"wal_sender_timeout = 5s"})
      : port_(FreePort()), source_({.settings = std::move(settings), .tcp_port = port_}) {
    Do("CREATE TABLE public.t (id bigserial PRIMARY KEY, v text); "
       "CREATE TABLE public.u (id bigserial PRIMARY KEY, v text); "
       "CREATE TABLE public.w (id bigserial PRIMARY KEY, v text); "
       "CREATE PUBLICATION trunkline FOR TABLE public.t, public.u, public.w");
  }

  Daemon NewDaemon(std::vector<std::string> arguments = {"--segment-max-age", "100ms"}) {
    return Daemon({.source = proxy_.conninfo() + " dbname=postgres user=postgres",
                   .archive = folder_ / "archive",
                   .arguments = std::move(arguments)});
  }
  void Do(const std::string& sql) { source_.Connect().Do(sql); }
  void Insert(const std::string& table = "t") {
    Do("INSERT INTO public." + table + " (v) SELECT g FROM pg_catalog.generate_series(1, 10) g");
  }
  // Starts it, and waits until it streams.
  void Start(Daemon* daemon) {
    daemon->Start();
    daemon->AwaitSnapshot();
    ASSERT_TRUE(Eventually(seconds(30), [&] { return !Walsender().empty(); })) << daemon->log();
  }
  // The process that holds the slot, "" for none.
  std::string Walsender() {
    return source_.Connect().One(
        "SELECT active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = 'trunkline'");
  }
  static bool SaysWithin(const Daemon& daemon, const std::string& words,
                         milliseconds deadline = seconds(60)) {
    return Eventually(deadline, [&] { return daemon.log().find(words) != std::string::npos; });
  }
  void ExpectComplete(Daemon* daemon) {
    const ExactState state = TakeExactState(source_.conninfo(), "trunkline");
    Insert();  // so that a segment ends past it
    daemon->AwaitEnd(state.lsn, seconds(60));
    EXPECT_EQ(daemon->Stop().exit_code, 0) << daemon->log();
    const Outcome replayed =
        Trunkline({"replay", daemon->archive(), "--at", "lsn:" + state.lsn.ToString(), "--to",
                   "csv:" + (folder_ / "csv")});
    ASSERT_EQ(replayed.exit_code, 0) << replayed << daemon->log();
    EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "");
  }
  void ExpectComesBackFrom(Proxy::Stranded which) {
    Daemon daemon = NewDaemon();
    Start(&daemon);
    Insert();
    proxy_.Strand(which);
    Insert();
    const Lsn lsn = source_.Connect().CurrentLsn();
    Insert();
    daemon.AwaitEnd(lsn, seconds(60));
    EXPECT_TRUE(SaysWithin(daemon, "trying again in")) << daemon.log();
    ExpectComplete(&daemon);
  }

  const int port_;
  Source source_;
  Proxy proxy_{port_};
  TempFolder folder_;
};

// No RST, no FIN, and acknowledged by the kernel in between, so that no TCP timeout helps.
TEST_F(AliveTest, TheNetworkLosesTheConnectionWithoutAWord) {
  ExpectComesBackFrom(Proxy::Stranded::kBothWays);
}
TEST_F(AliveTest, NothingComesThroughToUs) { ExpectComesBackFrom(Proxy::Stranded::kToClient); }
TEST_F(AliveTest, NothingOfOursComesThrough) { ExpectComesBackFrom(Proxy::Stranded::kToServer); }

TEST_F(AliveTest, TheServerProcessHangs) {
  Daemon daemon = NewDaemon();
  Start(&daemon);
  const pid_t sender = std::stoi(Walsender());
  ASSERT_EQ(kill(sender, SIGSTOP), 0);
  EXPECT_TRUE(SaysWithin(daemon, kGivenUp)) << daemon.log();
  EXPECT_TRUE(SaysWithin(daemon, "is active for PID " + std::to_string(sender))) << daemon.log();
  ASSERT_EQ(kill(sender, SIGCONT), 0);
  ExpectComplete(&daemon);
}

// It has nothing to say, and answers when asked.
TEST_F(AliveTest, AnIdleSourceIsNotGivenUp) {
  Daemon daemon = NewDaemon();
  Start(&daemon);
  const std::string sender = Walsender();
  std::this_thread::sleep_for(seconds(11));
  EXPECT_EQ(Walsender(), sender);
  EXPECT_THAT(daemon.log(), Not(HasSubstr("trying again")));
  ExpectComplete(&daemon);
}

// An administrator's pg_cancel_backend is not a request to the daemon to end.
TEST_F(AliveTest, TheServerProcessIsCancelled) {
  Daemon daemon = NewDaemon();
  Start(&daemon);
  const std::string sender = Walsender();
  Insert();
  Do("SELECT pg_catalog.pg_cancel_backend(" + sender + ")");
  ASSERT_TRUE(Eventually(seconds(30), [&] {
    const std::string now = Walsender();
    return !now.empty() && now != sender;
  })) << daemon.log();
  ExpectComplete(&daemon);
}

TEST_F(AliveTest, TablesThatLeaveThePublicationAreNamed) {
  Daemon daemon = NewDaemon();
  Start(&daemon);
  Insert();
  std::this_thread::sleep_for(seconds(1));  // it has looked
  Do("ALTER PUBLICATION trunkline DROP TABLE public.u; "
     "ALTER PUBLICATION trunkline SET (publish = 'insert, update, delete'); "
     "ALTER PUBLICATION trunkline DROP TABLE public.w; "
     "ALTER PUBLICATION trunkline ADD TABLE public.w");
  // A migration that makes a table anew: the new one is not published.
  Do("DROP TABLE public.t; CREATE TABLE public.t (id bigserial PRIMARY KEY, v text)");
  for (const char* words :
       {"\"public\".\"u\" has left the publication", "leaves out truncate",
        "public.w was taken out of the publication", "\"public\".\"t\" has left the publication"}) {
    EXPECT_TRUE(SaysWithin(daemon, words)) << daemon.log();
  }
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
}

// What was changed without a publication cannot be decoded, now or later.
TEST_F(AliveTest, ChangesMadeWithoutThePublicationAreAGap) {
  Daemon daemon = NewDaemon();
  Start(&daemon);
  Insert();
  const Lsn lsn = source_.Connect().CurrentLsn();
  Insert();  // so that a segment ends past it
  daemon.AwaitEnd(lsn);
  Do("DROP PUBLICATION trunkline");
  Insert();
  Do("CREATE PUBLICATION trunkline FOR TABLE public.t, public.u, public.w");
  Insert();
  EXPECT_TRUE(SaysWithin(daemon, "GAP: ")) << daemon.log();
  // Targets up to the new base snapshot cannot be reached.
  const size_t gap = daemon.log().find("GAP: ");
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    return daemon.log().find("streaming from", gap) != std::string::npos;
  })) << daemon.log();
  EXPECT_THAT(daemon.log(), HasSubstr("while their publication did not exist"));
  ExpectComplete(&daemon);
}

// What it held changed unseen: the rebuild is refused, or right by a newer snapshot.
TEST_F(AliveTest, ATableThatWasOutOfThePublicationIsNeverRebuiltWrong) {
  InstallDdlCapture(source_.conninfo());
  Daemon daemon = NewDaemon();
  Start(&daemon);
  Insert();
  Insert("u");
  Do("ALTER PUBLICATION trunkline DROP TABLE public.u");
  Insert("u");
  Do("ALTER PUBLICATION trunkline ADD TABLE public.u");
  Insert("u");
  const ExactState state = TakeExactState(source_.conninfo(), "trunkline");
  Insert();
  daemon.AwaitEnd(state.lsn);
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  const std::vector<std::string> replay = {"replay", daemon.archive(),
                                           "--at",   "lsn:" + state.lsn.ToString(),
                                           "--to",   "csv:" + (folder_ / "csv")};
  const Outcome whole = Trunkline(replay);
  if (whole.exit_code == 0) {
    EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "");
    return;
  }
  ExpectRefused(whole, kDamaged, HasSubstr("public.u"));
  std::vector<std::string> one = replay;
  one.insert(one.end(), {"--tables", "t"});
  const Outcome other = Trunkline(one);
  ASSERT_EQ(other.exit_code, 0) << other;
  EXPECT_EQ(ReadFile(folder_ / "csv/public.t.csv"), state.tables.at("public.t.csv"));
}

class SlotLimitTest : public AliveTest {
 protected:
  SlotLimitTest() : AliveTest({"max_slot_wal_keep_size = 96MB", "max_wal_size = 32MB"}) {}
};

TEST_F(SlotLimitTest, ASlotThatMayBeLostIsSpokenOfBefore) {
  Daemon daemon = NewDaemon({"--segment-max-age", "1h"});
  Start(&daemon);
  Insert();  // stays in the open segment, so nothing is confirmed
  Session session = source_.Connect();
  ASSERT_TRUE(Eventually(seconds(60), [&] {
    session.Do("SELECT pg_catalog.pg_logical_emit_message(true, 'test', 'x')");
    session.Do("SELECT pg_catalog.pg_switch_wal()");
    return session.One(
               "SELECT safe_wal_size < 48 * 1024 * 1024 FROM pg_catalog.pg_replication_slots") ==
           "t";
  }));
  EXPECT_TRUE(SaysWithin(daemon, "it may be lost after")) << daemon.log();
  EXPECT_NE(session.One("SELECT wal_status FROM pg_catalog.pg_replication_slots"), "lost");
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
}

}  // namespace
}  // namespace trunkline::test
