#include "replay/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;

const Relation kOrders = MakeRelation(16384, "orders", {"id*", "note"});

Timestamp At(int64_t seconds) { return Timestamp{seconds * 1'000'000}; }
std::string AtText(int64_t seconds) { return At(seconds).ToString(); }

// Snapshot at 150; commits at 200, 210, 220 and 400, whose times are not in their order; segments
// to 300, 350 and 500.
class TargetTest : public testing::Test {
 protected:
  TargetTest() {
    archive_.Snapshot(150, {{kOrders, {}}}, {}, At(1000));
    archive_.Commit(200, {Insert(kOrders, {"1", "a"})}, 1200);
    archive_.Commit(210, {Insert(kOrders, {"2", "a"})}, 1230);
    archive_.Commit(220,
                    {Insert(kOrders, {"3", "a"}), Message("trunkline.restore_point", "sale"),
                     Insert(kOrders, {"4", "a"}), Insert(kOrders, {"5", "a"})},
                    1210);
    archive_.Emit(240, "trunkline.restore_point", "not transactional");
    archive_.Publish(300);
    archive_.Publish(350);
    archive_.Commit(400, {Insert(kOrders, {"6", "a"})}, 1400);
    archive_.Publish(500);
  }

  Lsn Limit(const std::string& target) const {
    const auto resolved = archive_.Resolve(target);
    EXPECT_TRUE(resolved) << resolved.error().ToString();
    return resolved ? resolved->limit : Lsn{};
  }
  Error Refusal(const std::string& target) const {
    const auto resolved = archive_.Resolve(target);
    EXPECT_FALSE(resolved) << resolved->ToString();
    return resolved ? Error{} : resolved.error();
  }

  ArchiveBuilder archive_;
};

TEST(ParseTargetTest, EveryForm) {
  EXPECT_TRUE(std::holds_alternative<Latest>(*ParseTarget("latest")));
  EXPECT_EQ(std::get<Lsn>(*ParseTarget("lsn:16/B374D848")), (Lsn{0x16B374D848}));
  EXPECT_EQ(std::get<AtXid>(*ParseTarget("xid:1234")).xid, Xid{1234});
  EXPECT_EQ(std::get<AtName>(*ParseTarget("name:before sale")).name, "before sale");
  EXPECT_EQ(std::get<Timestamp>(*ParseTarget("2000-01-01 01:00:00+01")), Timestamp{});
  const auto before = std::get<Before>(*ParseTarget("before:name:before:sale")).instant;
  EXPECT_EQ(std::get<AtName>(before).name, "before:sale");
}

TEST(ParseTargetTest, WhatIsNone) {
  for (const char* text : {"", "yesterday", "lsn:", "lsn:1", "xid:", "xid:0", "xid:-1", "xid:1x",
                           "xid:4294967296", "name:", "2016-11-30 09:29:00", "Latest"}) {
    const auto exclusive = ParseTarget("before:" + std::string(text));
    ASSERT_FALSE(exclusive) << text;
    EXPECT_EQ(exclusive.error().kind, ErrorKind::kInvalidArgument) << text;
    const auto target = ParseTarget(text);
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().kind, ErrorKind::kInvalidArgument) << text;
    EXPECT_THAT(target.error().message, HasSubstr("target \"" + std::string(text) + "\""));
  }
}

TEST(ParseTargetTest, NothingIsBeforeAnInstantThatIsNone) {
  for (const char* text : {"before:latest", "before:before:xid:7"}) {
    const auto target = ParseTarget(text);
    ASSERT_FALSE(target) << text;
    EXPECT_THAT(target.error().message, HasSubstr("target \"" + std::string(text) + "\""));
  }
}

TEST_F(TargetTest, Latest) {
  const auto resolved = archive_.Resolve("latest");
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->limit, Lsn{500});
  EXPECT_EQ(resolved->snapshot, Lsn{150});
  EXPECT_EQ(resolved->last->xid, Xid{400});
  EXPECT_EQ(resolved->last->end_lsn, Lsn{408});
  EXPECT_FALSE(resolved->next);
  EXPECT_EQ(resolved->instant, At(1400));
}

TEST_F(TargetTest, AnLsnStandsBetweenTwoCommits) {
  const auto resolved = archive_.Resolve("lsn:0/DC");  // 220: where a commit record begins
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->limit, Lsn{220});
  EXPECT_EQ(resolved->last->xid, Xid{210});
  EXPECT_EQ(resolved->next->xid, Xid{220});
  EXPECT_THAT(resolved->ToString(), HasSubstr("xid 210 committed " + AtText(1230)));
  EXPECT_THAT(resolved->ToString(), HasSubstr("xid 220"));
  EXPECT_EQ(Limit("lsn:0/DD"), Lsn{228}) << "inside a commit record: after it";
  EXPECT_EQ(Limit("lsn:0/12C"), Lsn{300});
}

TEST_F(TargetTest, AnLsnOutOfReach) {
  EXPECT_THAT(Refusal("lsn:0/1F5").ToString(), HasSubstr("0/96 to lsn:0/1F4"));
  EXPECT_THAT(Refusal("lsn:0/95").ToString(), HasSubstr("0/96 to lsn:0/1F4"));
  EXPECT_EQ(Limit("lsn:0/1F4"), Lsn{500});
  EXPECT_EQ(Limit("lsn:0/96"), Lsn{150});
}

TEST_F(TargetTest, ATimestampStopsBeforeTheFirstLaterCommit) {
  EXPECT_EQ(Limit(AtText(1200)), Lsn{210});
  EXPECT_EQ(Limit(AtText(1199)), Lsn{200});
  EXPECT_EQ(Limit(AtText(1229)), Lsn{210}) << "220 is older, and comes after";
  EXPECT_EQ(Limit(AtText(1230)), Lsn{400});
  EXPECT_EQ(Limit(AtText(1399)), Lsn{400});
  EXPECT_EQ(archive_.Resolve(AtText(1399))->instant, At(1399));
}

TEST_F(TargetTest, ATimestampOutOfReach) {
  const Error late = Refusal(AtText(1400));
  EXPECT_THAT(late.ToString(), HasSubstr(AtText(1400)));
  EXPECT_THAT(late.ToString(), HasSubstr("latest"));
  EXPECT_THAT(Refusal(AtText(999)).ToString(), HasSubstr("before the base snapshot"));
  EXPECT_EQ(Limit(AtText(1000)), Lsn{200}) << "the snapshot's own time";
}

TEST_F(TargetTest, ATransactionOrARestorePointIsIncluded) {
  EXPECT_EQ(Limit("xid:210"), Lsn{218});
  EXPECT_EQ(Limit("xid:220"), Lsn{228});
  EXPECT_EQ(Limit("name:sale"), Lsn{228});
  EXPECT_THAT(Refusal("xid:211").message, HasSubstr("xid:211"));
  EXPECT_THAT(Refusal("name:not transactional").message, HasSubstr("not transactional"));
}

TEST_F(TargetTest, BeforeATransactionOrARestorePointLeavesItOut) {
  EXPECT_EQ(Limit("before:xid:210"), Lsn{210});
  EXPECT_EQ(archive_.Resolve("before:xid:210")->last->xid, Xid{200});
  EXPECT_EQ(archive_.Resolve("before:xid:210")->next->xid, Xid{210});
  EXPECT_EQ(Limit("before:name:sale"), Lsn{220});
  EXPECT_EQ(Limit("before:xid:200"), Lsn{200}) << "no transaction is before it";
  EXPECT_THAT(Refusal("before:xid:211").message, HasSubstr("xid:211"));
}

TEST_F(TargetTest, BeforeAnLsnLeavesOutTheCommitThatItIsIn) {
  EXPECT_EQ(Limit("before:lsn:0/DC"), Lsn{220}) << "where a commit record begins";
  EXPECT_EQ(Limit("before:lsn:0/DD"), Lsn{220}) << "inside it";
  EXPECT_EQ(Limit("before:lsn:0/E4"), Lsn{220}) << "where it ends";
  EXPECT_EQ(Limit("before:lsn:0/E5"), Lsn{229});
  EXPECT_THAT(Refusal("before:lsn:0/1F5").ToString(), HasSubstr("0/96 to lsn:0/1F4"));
}

TEST_F(TargetTest, BeforeATimestampStopsAtTheFirstCommitOfThatTime) {
  EXPECT_EQ(Limit("before:" + AtText(1200)), Lsn{200});
  EXPECT_EQ(Limit("before:" + AtText(1230)), Lsn{210});
  EXPECT_EQ(Limit("before:" + AtText(1400)), Lsn{400}) << "no later commit is needed to tell";
  EXPECT_EQ(archive_.Resolve("before:" + AtText(1400))->instant, At(1400));
  EXPECT_THAT(Refusal("before:" + AtText(1401)).ToString(), HasSubstr("no commit at or after"));
  EXPECT_THAT(Refusal("before:" + AtText(1000)).ToString(), HasSubstr("before the base snapshot"));
  EXPECT_EQ(Limit("before:" + AtText(1001)), Lsn{200});
}

TEST_F(TargetTest, AmbiguousTransactionsAndNames) {
  archive_.Commit(510, {Message("trunkline.restore_point", "sale")}, 1500, 210);
  archive_.Publish(600);
  EXPECT_THAT(Refusal("xid:210").ToString(),
              HasSubstr("lsn:0/DA (xid 210 committed " + AtText(1230)));
  // Where a transaction lies across blocks, an LSN inside its commit record does as well.
  const std::string sales = Refusal("name:sale").ToString();
  EXPECT_THAT(sales, HasSubstr(" lsn:0/DD (xid 220 committed " + AtText(1210) + " at LSN 0/DC), "));
  EXPECT_THAT(sales, HasSubstr(" lsn:0/206 (xid 210 committed " + AtText(1500)));
  EXPECT_THAT(Refusal("before:name:sale").ToString(), HasSubstr(", before:lsn:0/206 (xid 210"));
  EXPECT_EQ(Limit("before:lsn:0/DD"), Lsn{220}) << "what the error names means the same";
  EXPECT_EQ(Limit("before:lsn:0/206"), Lsn{510});
}

TEST_F(TargetTest, NothingIsReachedAcrossAGapOrAHole) {
  archive_.Gap(600);
  archive_.Commit(610, {Insert(kOrders, {"7", "a"})}, 1600);
  archive_.Publish(700);
  EXPECT_EQ(Refusal("latest").kind, ErrorKind::kGap);
  EXPECT_EQ(Refusal(AtText(1500)).kind, ErrorKind::kGap);
  EXPECT_EQ(Limit("lsn:0/1F4"), Lsn{500});
  archive_.Snapshot(620, {{kOrders, {}}}, {}, At(1550));
  EXPECT_EQ(Limit("latest"), Lsn{700});
  EXPECT_EQ(Refusal(AtText(1500)).kind, ErrorKind::kGap) << "in the gap";
}

TEST_F(TargetTest, TheLastCommitsOwnTimeMayStillGetCompany) {
  archive_.Commit(710, {Insert(kOrders, {"7", "a"})}, 9000);
  archive_.Publish(800);
  const Error refusal = Refusal(AtText(9000));
  EXPECT_EQ(refusal.kind, ErrorKind::kNotFound);
  EXPECT_THAT(refusal.ToString(), HasSubstr("no commit later than"));
  archive_.Commit(810, {Insert(kOrders, {"8", "a"})}, 9001);
  archive_.Publish(900);
  EXPECT_EQ(Limit(AtText(9000)), Lsn{810});
}

TEST_F(TargetTest, ATimestampRightAfterAGapNeedsTheSnapshotsTime) {
  archive_.Gap(600);
  archive_.Snapshot(600, {{kOrders, {{"9", "z"}}}}, {}, At(1550));
  archive_.Commit(610, {Insert(kOrders, {"7", "a"})}, 1600);
  archive_.Publish(700);
  EXPECT_EQ(Refusal(AtText(1549)).kind, ErrorKind::kGap);
  EXPECT_EQ(Limit(AtText(1550)), Lsn{610});
}

TEST(TargetWithoutSnapshotTest, NothingCanBeReached) {
  ArchiveBuilder archive;
  archive.Commit(200, {Insert(kOrders, {"1", "a"})});
  archive.Publish(300);
  const auto resolved = archive.Resolve("latest");
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(resolved.error().ToString(), HasSubstr("base snapshot"));
}

TEST(TargetAtTheEndTest, LatestIsNotABaseSnapshotThatNeedsChangesNotYetArchived) {
  const Relation orders = MakeRelation(1, "orders", {"id*"});
  ArchiveBuilder archive;
  archive.Snapshot(150, {{orders, {{"1"}}}});
  archive.Commit(200, {Insert(orders, {"2"})});
  archive.Publish(300);
  const auto parts = archive.TableSnapshots(250, {{orders, {{"1"}, {"2"}}}});
  archive.Snapshot(600, {}, {}, {}, parts);
  EXPECT_EQ(archive.Resolve("latest")->limit, Lsn{300});
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "orders"), "1\n2\n");
  archive.Publish(700);
  EXPECT_EQ(archive.Resolve("latest")->limit, Lsn{700});
}

}  // namespace
}  // namespace trunkline::test
