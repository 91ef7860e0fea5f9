// Failover: the source's standby is promoted and goes on on a timeline of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/refusal.h"
#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class FailoverTest : public testing::Test {
 protected:
  // An archive of `primary_` with one row, and a standby that has the slot.
  void SetUp() override {
    primary_.Connect().Do(kSmallSchema);
    ASSERT_EQ(daemon_.RunTo("now").exit_code, 0) << daemon_.log();
    Insert(&primary_, 1);
    ASSERT_EQ(daemon_.RunTo("now").exit_code, 0) << daemon_.log();
    standby_ = MakeStandby(&primary_);
  }

  static void Insert(Source* source, int id) {
    source->Connect().Do("INSERT INTO public.item VALUES (" + std::to_string(id) + ", 'x')");
  }
  void AwaitStandby() {
    const std::string lsn = primary_.Connect().CurrentLsn().ToString();
    ASSERT_TRUE(Eventually(seconds(60), [&] {
      return standby_->Connect().One("SELECT pg_catalog.pg_last_wal_replay_lsn() >= '" + lsn +
                                     "'") == "t";
    })) << standby_->log();
  }
  void Promote() { standby_->Connect().Do("SELECT pg_catalog.pg_promote()"); }
  // From here on the standby gets nothing any more.
  void Disconnect() {
    Session session = standby_->Connect();
    session.Do("ALTER SYSTEM SET primary_conninfo = ''");
    session.Do("SELECT pg_catalog.pg_reload_conf()");
    ASSERT_TRUE(Eventually(seconds(30), [&] {
      return session.One("SELECT count(*) FROM pg_catalog.pg_stat_wal_receiver") == "0";
    }));
  }
  // A new daemon that knows `source` alone.
  Daemon DaemonOf(const Source& source) const {
    return Daemon({.source = source.conninfo(), .archive = archive()});
  }
  ExactState Archived(Source* source, Daemon* daemon) {
    ExactState state = TakeExactState(source->conninfo(), "trunkline");
    const Outcome outcome = daemon->RunTo("now", seconds(60));
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    return state;
  }
  void ExpectState(const ExactState& state) {
    const Outcome outcome = Trunkline({"replay", archive(), "--at", "lsn:" + state.lsn.ToString(),
                                       "--to", "csv:" + (folder_ / "csv"), "--force"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "");
  }
  std::string Verified() const {
    const Outcome verified = Trunkline({"verify", archive()});
    EXPECT_EQ(verified.exit_code, 0) << verified;
    return verified.out;
  }
  std::string archive() const { return folder_ / "archive"; }

  Source primary_;
  std::unique_ptr<Source> standby_;
  TempFolder folder_;
  Daemon daemon_{{.source = primary_.conninfo(), .archive = archive()}};
};

// One daemon that knows both servers lives through it.
TEST_F(FailoverTest, IsExactWhereTheSlotIsThere) {
  const std::string conninfo = "host=" + primary_.server().folder() + "," +
                               standby_->server().folder() + " port=" + primary_.port() + "," +
                               standby_->port() +
                               " user=postgres dbname=postgres target_session_attrs=read-write";
  Daemon daemon(
      {.source = conninfo, .archive = archive(), .arguments = {"--segment-max-age", "100ms"}});
  daemon.Start();
  Insert(&primary_, 2);
  const ExactState before = TakeExactState(primary_.conninfo(), "trunkline");
  daemon.AwaitEnd(before.lsn);
  Insert(&primary_, 3);
  AwaitStandby();
  Must(primary_.server().Stop(true));
  Promote();
  Insert(standby_.get(), 4);
  const ExactState after = TakeExactState(standby_->conninfo(), "trunkline");
  Insert(standby_.get(), 5);
  daemon.AwaitEnd(after.lsn);
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  EXPECT_THAT(daemon.log(),
              AllOf(HasSubstr("failover: the source is on timeline 2 now"), Not(HasSubstr("GAP"))));
  EXPECT_THAT(Verified(), Not(HasSubstr("gap ")));
  ExpectState(before);
  ExpectState(after);
}

// A planned one: the old primary sent everything before it went.
TEST_F(FailoverTest, OfACleanShutdownIsExact) {
  daemon_.Start();
  AwaitStandby();
  Session session = primary_.Connect();
  ASSERT_TRUE(Eventually(seconds(30), [&] {
    return session.One("SELECT active FROM pg_catalog.pg_replication_slots") == "t";
  })) << daemon_.log();
  Insert(&primary_, 2);
  AwaitStandby();
  Must(primary_.server().Stop(false));
  EXPECT_EQ(daemon_.Stop().exit_code, 0) << daemon_.log();
  ASSERT_TRUE(Eventually(seconds(30), [&] {
    return standby_->Connect().One("SELECT count(*) FROM public.item") == "2";
  }));
  Promote();
  Insert(standby_.get(), 3);
  Daemon daemon = DaemonOf(*standby_);
  ExpectState(Archived(standby_.get(), &daemon));
  EXPECT_THAT(Verified(), Not(HasSubstr("gap ")));
}

TEST_F(FailoverTest, WithoutTheSlotIsAGap) {
  AwaitStandby();
  Must(primary_.server().Stop(true));
  Promote();
  standby_->Connect().Do(kDropSlot);
  Insert(standby_.get(), 2);
  Daemon daemon = DaemonOf(*standby_);
  Archived(standby_.get(), &daemon);
  EXPECT_THAT(Verified(), AllOf(HasSubstr("gap "), HasSubstr("the replication slot was gone")));
  Insert(standby_.get(), 3);
  ExpectState(Archived(standby_.get(), &daemon));
}

// The old primary committed, and the archive got, what the standby never did.
TEST_F(FailoverTest, ToAServerThatLacksWhatIsArchivedIsAGap) {
  AwaitStandby();
  Disconnect();
  Insert(&primary_, 2);
  const ExactState lost = Archived(&primary_, &daemon_);
  Must(primary_.server().Stop(true));
  Promote();
  standby_->Connect().Do("INSERT INTO public.item VALUES (2, 'another two')");
  Daemon daemon = DaemonOf(*standby_);
  daemon.Start();
  Session session = standby_->Connect();
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    session.Do("SELECT pg_catalog.pg_switch_wal()");
    return daemon.log().find("GAP: ") != std::string::npos;
  })) << daemon.log();
  session.Do("INSERT INTO public.item VALUES (3, 'x')");
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  const ExactState after = Archived(standby_.get(), &daemon);
  ExpectState(after);
  ExpectState(lost);  // it was, once, and the archive knows
  EXPECT_THAT(Verified(),
              AllOf(HasSubstr("gap "), HasSubstr("which the source left at"),
                    HasSubstr("what was archived after it is no part of the source's history")));
}

TEST_F(FailoverTest, TheFormerPrimaryIsRefused) {
  AwaitStandby();
  Promote();
  Insert(standby_.get(), 2);
  Daemon daemon = DaemonOf(*standby_);
  Archived(standby_.get(), &daemon);
  Insert(&primary_, 2);
  const auto before = FilesBelow(archive());
  ExpectRefused(daemon_.RunTo("now", seconds(60)), kWrongSource, HasSubstr("former primary"));
  EXPECT_EQ(FilesBelow(archive()), before);
}

TEST_F(FailoverTest, ARestoredCopyIsRefused) {
  Must(primary_.server().Stop(false));
  Source copy({.copy_of = primary_.data()});
  Must(primary_.server().Restart({}));
  primary_.Connect().Do("SELECT pg_catalog.pg_switch_wal()");
  Insert(&primary_, 2);
  Archived(&primary_, &daemon_);
  Daemon daemon = DaemonOf(copy);
  ExpectRefused(daemon.RunTo("now", seconds(60)), kWrongSource, HasSubstr("restored copy"));
}

}  // namespace
}  // namespace trunkline::test
