// --confirm spooled: the source lets go of what the spool holds, and nothing is lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SpooledTest : public testing::Test {
 protected:
  SpooledTest() : source_({.settings = {"wal_sender_timeout = 2s"}}) {
    source_.Connect().Do(
        "CREATE TABLE public.t (id bigserial PRIMARY KEY, v text); "
        "CREATE PUBLICATION trunkline FOR TABLE public.t");
    fs::create_directory(folder_ / "spool");
  }

  Daemon NewDaemon(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.end(), {"--confirm", "spooled", "--spool", folder_ / "spool",
                                       "--segment-max-age", "100ms"});
    return Daemon({.source = source_.conninfo(), .archive = archive(), .arguments = arguments});
  }
  std::string archive() const { return folder_ / "disk/archive"; }
  void Insert(int rows) {
    source_.Connect().Do(
        "INSERT INTO public.t (v) SELECT pg_catalog.md5(g::text) "
        "FROM pg_catalog.generate_series(1, " +
        std::to_string(rows) + ") g");
  }
  Lsn Confirmed() {
    return Must(Lsn::Parse(
        source_.Connect().One("SELECT confirmed_flush_lsn FROM pg_catalog.pg_replication_slots "
                              "WHERE slot_name = 'trunkline'")));
  }
  // Inserts rows; a position before which they are, and past which a segment ends once the last one
  // is archived.
  Lsn InsertedUpTo() {
    Insert(10);
    const Lsn lsn = source_.Connect().CurrentLsn();
    Insert(1);
    return lsn;
  }
  // The process that holds the slot, "" for none.
  std::string Walsender() {
    return source_.Connect().One(
        "SELECT active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = 'trunkline'");
  }
  bool ConfirmsUpTo(Lsn lsn, milliseconds deadline = seconds(30)) {
    return Eventually(deadline, [&] { return Confirmed() >= lsn; });
  }
  void TakeArchiveAway() {
    fs::rename(folder_ / "disk", folder_ / "away");
    fs::create_directories(archive());
  }
  void BringArchiveBack() {
    EXPECT_TRUE(fs::is_empty(archive())) << "written underneath";
    fs::remove_all(folder_ / "disk");
    fs::rename(folder_ / "away", folder_ / "disk");
  }
  void ExpectComplete(Daemon* daemon) {
    const ExactState state = TakeExactState(source_.conninfo(), "trunkline");
    Insert(1);  // so that a segment ends past it
    daemon->AwaitEnd(state.lsn, seconds(60));
    EXPECT_EQ(daemon->Stop().exit_code, 0) << daemon->log();
    const Outcome verified = Trunkline({"verify", archive()});
    EXPECT_EQ(verified.exit_code, 0) << verified;
    const Outcome replayed = Trunkline({"replay", archive(), "--at", "lsn:" + state.lsn.ToString(),
                                        "--to", "csv:" + (folder_ / "csv")});
    ASSERT_EQ(replayed.exit_code, 0) << replayed;
    EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "");
  }

  Source source_;
  TempFolder folder_;
};

TEST_F(SpooledTest, GoesOnWithoutTheArchiveAndAfterAKillAndARestart) {
  Daemon daemon = NewDaemon();
  daemon.Start();
  daemon.AwaitSnapshot();
  daemon.AwaitEnd(InsertedUpTo());
  TakeArchiveAway();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) Insert(20);
    EXPECT_TRUE(ConfirmsUpTo(InsertedUpTo())) << daemon.log();
    daemon.Kill();
    Insert(5);
    daemon.Start();  // the archive is away still
  }
  EXPECT_TRUE(ConfirmsUpTo(InsertedUpTo())) << daemon.log();
  daemon.Kill();
  BringArchiveBack();
  daemon.Start();
  Insert(5);
  ExpectComplete(&daemon);
  EXPECT_EQ(fs::exists(folder_ / "spool/trunkline-confirmed.lock"), false);
}

TEST_F(SpooledTest, ConfirmsNothingBeyondItsBound) {
  Daemon daemon = NewDaemon({"--spool-max-bytes", "20000"});
  daemon.Start();
  daemon.AwaitSnapshot();
  daemon.AwaitEnd(InsertedUpTo());
  TakeArchiveAway();
  std::string walsender;
  ASSERT_TRUE(Eventually(seconds(30), [&] { return !(walsender = Walsender()).empty(); }));
  ASSERT_TRUE(Eventually(seconds(30), [&] {
    Insert(100);
    return daemon.log().find("--spool-max-bytes allows no more") != std::string::npos;
  }));
  const Lsn bound = Confirmed();
  Insert(100);
  std::this_thread::sleep_for(seconds(4));
  EXPECT_EQ(Confirmed(), bound);
  EXPECT_EQ(Walsender(), walsender) << "feedback did not flow";
  BringArchiveBack();
  ExpectComplete(&daemon);
}

TEST_F(SpooledTest, AStopSaysWhatTheArchiveLacks) {
  Daemon daemon = NewDaemon();
  daemon.Start();
  daemon.AwaitSnapshot();
  daemon.AwaitEnd(InsertedUpTo());
  TakeArchiveAway();
  EXPECT_TRUE(ConfirmsUpTo(InsertedUpTo()));
  daemon.program().Signal(SIGTERM);
  const Outcome stopped = daemon.program().Wait(seconds(40));
  EXPECT_EQ(stopped.exit_code, 1) << stopped;
  EXPECT_THAT(stopped.err, HasSubstr("segments that are confirmed"));
  EXPECT_THAT(stopped.err, HasSubstr("at the next start"));
  BringArchiveBack();
  daemon.Start();
  ExpectComplete(&daemon);
}

TEST_F(SpooledTest, GoingBackUploadsWhatIsSpooledFirst) {
  Daemon daemon = NewDaemon();
  daemon.Start();
  daemon.AwaitSnapshot();
  daemon.AwaitEnd(InsertedUpTo());
  TakeArchiveAway();
  EXPECT_TRUE(ConfirmsUpTo(InsertedUpTo()));
  daemon.Kill();
  BringArchiveBack();
  Daemon direct({.source = source_.conninfo(),
                 .archive = archive(),
                 .arguments = {"--spool", folder_ / "spool", "--segment-max-age", "100ms"}});
  direct.Start();
  ExpectComplete(&direct);
}

TEST_F(SpooledTest, RefusesASpoolThatDoesNotContinueTheArchive) {
  {
    Daemon daemon = NewDaemon();
    daemon.Start();
    daemon.AwaitSnapshot();
    // Twice, so that the spool does not hold the archive from its beginning.
    for (int i = 0; i < 2; ++i) daemon.AwaitEnd(InsertedUpTo());
    TakeArchiveAway();
    EXPECT_TRUE(ConfirmsUpTo(InsertedUpTo()));
    daemon.Kill();
  }
  const Lsn confirmed = Confirmed();
  // Another archive of the same source, in the first one's place.
  Daemon other({.source = source_.conninfo(), .archive = archive()});
  ASSERT_EQ(other.RunTo("now").exit_code, 0) << other.log();
  Daemon daemon = NewDaemon();
  daemon.Start();
  const Outcome refused = daemon.program().Wait(seconds(30));
  EXPECT_EQ(refused.exit_code, 1) << refused;
  EXPECT_THAT(refused.err, HasSubstr("do not continue the archive"));
  EXPECT_GE(Confirmed(), confirmed);
}

TEST_F(SpooledTest, TwoDaemonsDoNotShareASpool) {
  Daemon first = NewDaemon();
  first.Start();
  first.AwaitSnapshot();
  Daemon second = NewDaemon();
  second.Start();
  const Outcome refused = second.program().Wait(seconds(30));
  EXPECT_EQ(refused.exit_code, 1) << refused;
  EXPECT_THAT(refused.err, HasSubstr("another process holds the lock"));
  EXPECT_EQ(first.Stop().exit_code, 0);
}

}  // namespace
}  // namespace trunkline::test
