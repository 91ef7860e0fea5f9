// Sources that lost changes: each loss is put on record with its bounds, and a new base snapshot
// makes the archive right again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

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

class GapTest : public testing::Test {
 protected:
  void SetUp() override {
    Do(kSmallSchema);
    RunToNow();  // takes the base snapshot
    Do("INSERT INTO public.item VALUES (1, 'before')");
    before_ = StateNow();  // in the first segment
  }

  void Do(const std::string& sql) { source_.Connect().Do(sql); }
  void RunToNow(const std::vector<std::string>& arguments = {}) {
    Daemon daemon({.source = source_.conninfo(), .archive = archive(), .arguments = arguments});
    const Outcome outcome = daemon.RunTo("now", seconds(60));
    log_ += outcome.err;
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    // The server takes its time to let go of the slot.
    ASSERT_TRUE(Eventually(seconds(20), [&] {
      return source_.Connect().One(
                 "SELECT count(*) FROM pg_catalog.pg_replication_slots WHERE active") == "0";
    }));
  }
  std::vector<std::string> Gaps() const {
    std::vector<std::string> gaps;
    for (const std::string& name : FilesBelow(archive() + "/changes")) {
      if (name.ends_with(".gap.seg")) gaps.push_back(name);
    }
    return gaps;
  }
  // Everything up to the loss and after it can be rebuilt, nothing in between, and `reason` is on
  // record and was said aloud.
  void ExpectOneGap(const std::string& reason) {
    const Outcome verified = Trunkline({"verify", archive()});
    EXPECT_EQ(verified.exit_code, 0) << verified;
    EXPECT_THAT(verified.out, AllOf(HasSubstr("gap "), HasSubstr(reason))) << verified;
    EXPECT_THAT(
        log_, AllOf(HasSubstr(" error trunklined: GAP: the changes between "), HasSubstr(reason)));
    ASSERT_EQ(Gaps().size(), 1U) << verified;
    const Outcome inside = Replay("lsn:" + Within(Gaps()[0]).ToString());
    EXPECT_EQ(inside.exit_code, kDamaged) << inside;
    EXPECT_THAT(inside.err, HasSubstr("the source lost its changes")) << inside;
    ExpectState(before_);
    ExpectGoesOn();
  }
  // The archive is exact again, now and after further changes, without another gap.
  void ExpectGoesOn() {
    ExpectState(StateNow());
    Do("INSERT INTO public.item SELECT max(id) + 1, 'later' FROM public.item");
    ExpectState(StateNow());
    EXPECT_EQ(Gaps().size(), 1U);
  }
  ExactState StateNow() {
    ExactState state = TakeExactState(source_.conninfo(), "trunkline");
    RunToNow();
    return state;
  }
  void ExpectState(const ExactState& state) {
    const Outcome outcome = Replay("lsn:" + state.lsn.ToString());
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "");
  }
  Outcome Replay(const std::string& target) {
    return Trunkline(
        {"replay", archive(), "--at", target, "--to", "csv:" + (folder_ / "csv"), "--force"});
  }
  // The last LSN within a gap, by its name.
  static Lsn Within(const std::string& gap) {
    return Lsn{Lsn::FromHex16(gap.substr(17, 16)).value().value - 1};
  }
  std::string archive() const { return folder_ / "archive"; }

  Source source_{{.settings = {"max_slot_wal_keep_size = 1MB", "max_wal_size = 32MB"}}};
  TempFolder folder_;
  ExactState before_;
  std::string log_;
};

constexpr char kUnseen[] = "INSERT INTO public.item VALUES (2, 'unseen')";
const std::string kMoveSlotOn =
    kFreeSlot +
    "SELECT pg_catalog.pg_replication_slot_advance('trunkline', pg_catalog.pg_current_wal_lsn())";

TEST_F(GapTest, TheSlotWasDropped) {
  Do(kDropSlot);
  Do(kUnseen);
  RunToNow();
  ExpectOneGap("the replication slot was gone");
}

// Nothing but the base snapshot is archived: what came after it is lost all the same.
TEST_F(GapTest, TheSlotWasDroppedBeforeTheFirstSegment) {
  Do(kDropSlot);
  std::filesystem::remove_all(archive());
  RunToNow();
  ASSERT_TRUE(Segments(archive()).empty());
  Do(kDropSlot);
  Do(kUnseen);
  RunToNow();
  ASSERT_EQ(Gaps().size(), 1U);
  before_.lsn = Lsn{Lsn::FromHex16(Gaps()[0].substr(0, 16)).value()};
  ExpectOneGap("the replication slot was gone");
}

TEST_F(GapTest, TheSlotWasMadeAnew) {
  Do(kDropSlot);
  Do(kUnseen);
  Do("SELECT pg_catalog.pg_create_logical_replication_slot('trunkline', 'pgoutput')");
  RunToNow();
  ExpectOneGap("made anew or moved on");
}

TEST_F(GapTest, AnotherReaderMovedTheSlotOn) {
  Do(kUnseen);
  Do(kMoveSlotOn);
  RunToNow();
  ExpectOneGap("made anew or moved on");
}

// The server removed WAL that the slot needs: max_slot_wal_keep_size.
TEST_F(GapTest, TheSlotLostItsWal) {
  Do(kUnseen);
  for (int i = 0; i < 4; ++i) Do("SELECT pg_catalog.pg_switch_wal()");
  Do("CHECKPOINT");
  ASSERT_EQ(source_.Connect().One("SELECT wal_status FROM pg_catalog.pg_replication_slots"),
            "lost");
  RunToNow();
  ExpectOneGap("lost its WAL");
  EXPECT_THAT(log_, HasSubstr("dropped the slot trunkline"));
}

// The slot seems sound, and the files are gone: nothing but streaming shows it.
class LostWalTest : public GapTest {
 protected:
  void SetUp() override {
    GapTest::SetUp();
    const std::string file = source_.Connect().One(
        "SELECT pg_catalog.pg_walfile_name(restart_lsn) FROM pg_catalog.pg_replication_slots");
    Do("ALTER SYSTEM SET max_slot_wal_keep_size = -1");
    Do("SELECT pg_catalog.pg_reload_conf()");
    Do(kUnseen);
    Do("SELECT pg_catalog.pg_switch_wal()");
    Do("CHECKPOINT");
    Must(source_.server().Stop(false));
    ASSERT_TRUE(std::filesystem::remove(source_.data() + "/pg_wal/" + file));
    Must(source_.server().Restart({}));
  }
};

TEST_F(LostWalTest, IsAGap) {
  RunToNow();
  ExpectOneGap("lost its WAL");
}

// What one daemon has seen of the old slot says nothing of the one that another made since.
TEST_F(LostWalTest, ANewSlotIsNotTakenForTheLostOne) {
  Daemon first({.source = source_.conninfo(), .archive = archive()});
  first.Start();
  ASSERT_TRUE(Eventually(seconds(60), [&] {
    return first.log().find("trying again") != std::string::npos;
  })) << first.log();
  first.program().Signal(SIGSTOP);
  RunToNow();
  first.program().Signal(SIGCONT);
  EXPECT_TRUE(Eventually(seconds(60), [&] {
    return source_.Connect().One("SELECT active FROM pg_catalog.pg_replication_slots") == "t";
  })) << first.log();
  EXPECT_EQ(first.Stop().exit_code, 0) << first.log();
  EXPECT_THAT(first.log(), Not(HasSubstr("dropped the slot")));
  ExpectOneGap("lost its WAL");
}

TEST_F(GapTest, TheSlotIsDroppedUnderARunningDaemon) {
  Daemon daemon({.source = source_.conninfo(), .archive = archive()});
  daemon.Start();
  Session session = source_.Connect();
  ASSERT_TRUE(Eventually(seconds(20), [&] {
    return session.One("SELECT active FROM pg_catalog.pg_replication_slots") == "t";
  }));
  daemon.program().Signal(SIGSTOP);
  Do("SELECT pg_catalog.pg_terminate_backend(active_pid, 10000) "
     "FROM pg_catalog.pg_replication_slots WHERE active");
  Do(kDropSlot);
  Do(kUnseen);
  daemon.program().Signal(SIGCONT);
  EXPECT_TRUE(Eventually(seconds(60), [&] { return Gaps().size() == 1; })) << daemon.log();
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  log_ = daemon.log();
  ExpectOneGap("the replication slot was gone");
}

// Killed when the gap is on record and the base snapshot is not yet taken.
TEST_F(GapTest, KilledBetweenTheGapAndTheSnapshot) {
  Do(kUnseen);
  Do(kMoveSlotOn);
  Session open = source_.Connect();
  open.Do("BEGIN; INSERT INTO public.item VALUES (3, 'open')");  // snapshots wait for its end
  Daemon daemon({.source = source_.conninfo(), .archive = archive()});
  daemon.Start();
  ASSERT_TRUE(Eventually(seconds(60), [&] { return Gaps().size() == 1; })) << daemon.log();
  daemon.Kill();
  log_ = daemon.log();
  open.Do("COMMIT");
  RunToNow();
  ExpectOneGap("made anew or moved on");
}

// The server then begins later than it is asked to, and does not say so.
TEST_F(GapTest, TheSlotIsMovedOnDuringTheBaseSnapshot) {
  Do(kUnseen);
  Do(kMoveSlotOn);
  Session open = source_.Connect();
  open.Do("BEGIN; INSERT INTO public.item VALUES (3, 'open')");  // snapshots wait for its end
  Daemon daemon({.source = source_.conninfo(), .archive = archive()});
  daemon.Start();
  ASSERT_TRUE(Eventually(seconds(60), [&] { return Gaps().size() == 1; })) << daemon.log();
  Do("INSERT INTO public.item VALUES (4, 'unseen as well')");
  Do(kMoveSlotOn);
  open.Do("COMMIT");
  EXPECT_TRUE(Eventually(seconds(60), [&] { return Gaps().size() == 2; })) << daemon.log();
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  ExpectState(before_);
  ExpectState(StateNow());
  EXPECT_EQ(Gaps().size(), 2U);
}

// Killed while the new slot is being made; no half of one may stay.
TEST_F(GapTest, KilledWhileTheSlotIsMadeAnew) {
  Do(kDropSlot);
  Do(kUnseen);
  Session open = source_.Connect();
  open.Do("BEGIN; INSERT INTO public.item VALUES (3, 'open')");
  Daemon daemon({.source = source_.conninfo(), .archive = archive()});
  daemon.Start();
  ASSERT_TRUE(Eventually(seconds(60), [&] {
    return source_.Connect().One("SELECT count(*) FROM pg_catalog.pg_replication_slots") == "1";
  })) << daemon.log();
  daemon.Kill();
  EXPECT_EQ(Gaps().size(), 0U);
  open.Do("COMMIT");
  RunToNow();
  ExpectOneGap("the replication slot was gone");
}

TEST_F(GapTest, StopsInsteadWhenToldTo) {
  Do(kDropSlot);
  Do(kUnseen);
  const auto before = FilesBelow(archive());
  Daemon daemon(
      {.source = source_.conninfo(), .archive = archive(), .arguments = {"--on-gap", "stop"}});
  ExpectRefused(daemon.RunTo("now", seconds(60)), kDamaged,
                AllOf(HasSubstr("the replication slot was gone"), HasSubstr("--on-gap continue")));
  EXPECT_EQ(FilesBelow(archive()), before);
  EXPECT_EQ(source_.Connect().One("SELECT count(*) FROM pg_catalog.pg_replication_slots"), "0");
}

}  // namespace
}  // namespace trunkline::test
