// Archives of other sources, and sources that lost what was the archive's: never a silent gap.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/refusal.h"
#include "tests/support/csv.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

class ArchiveOfSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    conninfo_ = source_.NewDatabase("first", kSmallSchema);
    daemon_ = std::make_unique<Daemon>(DaemonOptions{.source = conninfo_, .archive = archive()});
    ASSERT_EQ(daemon_->RunTo("now").exit_code, 0) << daemon_->log();
    Session(conninfo_).Do("INSERT INTO public.item VALUES (1, 'one')");
    ASSERT_EQ(daemon_->RunTo("now").exit_code, 0) << daemon_->log();
  }
  std::string archive() const { return folder_ / "archive"; }

  Source source_;
  TempFolder folder_;
  std::string conninfo_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(ArchiveOfSourceTest, AnotherDatabaseSlotOrPublicationIsRefused) {
  const auto before = FilesBelow(archive());
  const std::string second = source_.NewDatabase("second", kSmallSchema);
  Daemon other({.source = second, .archive = archive()});
  ExpectRefused(other.RunTo("now", seconds(30)), kWrongSource,
                AllOf(HasSubstr("database"), HasSubstr("first"), HasSubstr("second")));
  Session(conninfo_).Do("CREATE PUBLICATION another FOR TABLE public.item");
  Daemon publication(
      {.source = conninfo_, .archive = archive(), .arguments = {"--publication", "another"}});
  ExpectRefused(publication.RunTo("now", seconds(30)), kWrongSource, HasSubstr("publication"));
  Daemon slot({.source = conninfo_, .archive = archive(), .arguments = {"--slot", "another"}});
  ExpectRefused(slot.RunTo("now", seconds(30)), kWrongSource, HasSubstr("slot"));
  Source elsewhere;
  Daemon system({.source = elsewhere.NewDatabase("first", kSmallSchema), .archive = archive()});
  ExpectRefused(system.RunTo("now", seconds(30)), kWrongSource, HasSubstr("system"));
  EXPECT_EQ(FilesBelow(archive()), before) << "the archive was touched";
  EXPECT_EQ(source_.Connect().One("SELECT count(*) FROM pg_catalog.pg_replication_slots"), "1")
      << "a refused run left a slot, which keeps WAL for ever";
}

TEST_F(ArchiveOfSourceTest, ADroppedSlotNeverGivesASilentGap) {
  source_.Connect().Do(kDropSlot);
  Session(conninfo_).Do("INSERT INTO public.item VALUES (2, 'nobody saw this')");
  const Outcome outcome = daemon_->RunTo("now", seconds(40));
  const Outcome verified = Trunkline({"verify", archive()});
  if (outcome.exit_code == 0) {
    // Then the loss must be on record, and the state right again by a new base snapshot.
    EXPECT_THAT(verified.out + verified.err, HasSubstr("gap")) << verified;
    const Outcome replayed =
        Trunkline({"replay", archive(), "--at", "latest", "--to", "csv:" + (folder_ / "csv")});
    EXPECT_EQ(replayed.exit_code, 0) << replayed;
    EXPECT_EQ(ReadFile(folder_ / "csv/public.item.csv"), "id,v\n1,one\n2,nobody saw this\n");
  } else {
    ExpectRefused(outcome, kDamaged, HasSubstr("slot"));
    EXPECT_EQ(verified.exit_code, 0) << verified;
  }
}

TEST_F(ArchiveOfSourceTest, ASlotThatWentOnWithoutTheArchiveIsNoticed) {
  Session(conninfo_).Do("INSERT INTO public.item VALUES (2, 'taken by another reader')");
  Session(conninfo_).Do(
      "SELECT pg_catalog.pg_replication_slot_advance('trunkline', "
      "pg_catalog.pg_current_wal_lsn())");
  const Outcome outcome = daemon_->RunTo("now", seconds(40));
  if (outcome.exit_code == 0) {
    const Outcome verified = Trunkline({"verify", archive()});
    EXPECT_THAT(verified.out + verified.err, HasSubstr("gap")) << verified;
  } else {
    ExpectRefused(outcome, kDamaged, HasSubstr("slot"));
  }
}

TEST_F(ArchiveOfSourceTest, ASecondDaemonWaitsForTheSlotAndTakesOver) {
  daemon_->Start();
  Session(conninfo_).Do("INSERT INTO public.item VALUES (3, 'three')");
  std::this_thread::sleep_for(seconds(1));
  Daemon second({.source = conninfo_, .archive = archive()});
  second.Start();
  std::this_thread::sleep_for(seconds(2));
  EXPECT_TRUE(second.program().running()) << second.log();
  daemon_->Kill();
  Session(conninfo_).Do("INSERT INTO public.item VALUES (4, 'four')");
  const Lsn lsn = Session(conninfo_).CurrentLsn();
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    return second.log().find("streaming from") != std::string::npos;
  })) << second.log();
  EXPECT_EQ(second.Stop().exit_code, 0) << second.log();
  EXPECT_EQ(second.RunTo(lsn.ToString()).exit_code, 0);
  const Outcome outcome =
      Trunkline({"replay", archive(), "--at", "latest", "--to", "csv:" + (folder_ / "csv")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_EQ(ReadFile(folder_ / "csv/public.item.csv"), "id,v\n1,one\n3,three\n4,four\n");
}

}  // namespace
}  // namespace trunkline::test
