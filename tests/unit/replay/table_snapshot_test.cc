// Snapshots of single tables: what a rebuild starts from, and which tables are in doubt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "archive/doubt_finder.h"
#include "archive/rebuild_start.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Relation kOrders = MakeRelation(16384, "orders", {"id*", "note"});
const Relation kLog = MakeRelation(16385, "log", {"a", "b"}, ReplicaIdentity::kFull);

Relation Rewritten() {
  Relation relation = kOrders;
  relation.columns[1].type_oid = 1082;
  return relation;
}
const Relation kDates = Rewritten();

// Lines in their order.
std::string Sorted(const std::string& lines) {
  std::istringstream stream(lines);
  std::multiset<std::string> sorted;
  for (std::string line; std::getline(stream, line);) sorted.insert(line);
  std::string text;
  for (const std::string& line : sorted) text += line + "\n";
  return text;
}

std::string Describe(const DoubtInterval& interval) {
  return interval.table.second + " " + interval.from.ToString() + " to " +
         (interval.until ? interval.until->ToString() : "");
}

// The intervals of doubt: those that have ended, then those that have not.
std::vector<std::string> Doubts(const ArchiveBuilder& archive, bool from_first = true) {
  DoubtFinder finder;
  const Result<void> followed =
      FollowArchive(archive.store(), archive.ReadCatalog(), from_first, &finder);
  EXPECT_TRUE(followed) << followed.error().ToString();
  std::vector<std::string> doubts;
  for (const DoubtInterval& interval : finder.ended()) doubts.push_back(Describe(interval));
  for (const DoubtInterval& interval : finder.open()) doubts.push_back(Describe(interval));
  return doubts;
}

// Of a table that was copied in part at 200, and the rest at 250, when some of its rows had come
// from where the first copy had not been.
class TableInPartsTest : public testing::Test {
 protected:
  TableInPartsTest() {
    archive_.Snapshot(
        150, {{kOrders, {{"1", "a"}, {"2", "b"}, {"3", "c"}, {"4", "d"}}}, {kLog, {{"x", "y"}}}});
    const SnapshotPart pages =
        archive_.Pages(200, {kOrders, {{"1", "a"}, {"3", "c"}, {"5", "e"}}}, 0);
    archive_.Commit(160, {Insert(kOrders, {"5", "e"}), Insert(kOrders, {"6", "f"})});
    archive_.Commit(210, {Update(kOrders, {"2", kUnchanged}), Delete(kOrders, {"4", nullptr}),
                          Update(kOrders, {"3", "cc"}), Insert(kOrders, {"7", "g"})});
    archive_.Commit(220, {UpdateKey(kOrders, {"6", nullptr}, {"8", kUnchanged}),
                          UpdateKey(kOrders, {"5", nullptr}, {"9", kUnchanged}),
                          Insert(kOrders, {"4", "again"})});
    archive_.Publish(240);
    archive_.TableSnapshotWith(
        250,
        {kOrders, {{"2", "b"}, {"3", "cc"}, {"4", "again"}, {"7", "g"}, {"8", "f"}, {"9", "e"}}},
        {pages});
    archive_.Commit(260, {Update(kOrders, {"8", kUnchanged}), Delete(kOrders, {"1", nullptr})});
    archive_.Publish(300);
  }

  ArchiveBuilder archive_;
};

TEST_F(TableInPartsTest, IsWholeFromItsLastPartOn) {
  const std::string before = "1,a\n2,b\n3,cc\n9,e\n8,f\n7,g\n4,again\n";
  EXPECT_EQ(Rows(archive_.Rebuild("lsn:0/F0"), "orders"), before) << "from the base snapshot";
  const auto whole = archive_.Rebuild("lsn:0/FA");
  EXPECT_EQ(Sorted(Rows(whole, "orders")), Sorted(before));
  EXPECT_EQ(Sorted(Rows(archive_.Rebuild("latest"), "orders")),
            Sorted("2,b\n3,cc\n4,again\n7,g\n8,f\n9,e\n"));
  EXPECT_THAT(Doubts(archive_), IsEmpty());
}

TEST_F(TableInPartsTest, IsToldByPartsOfTheRowsToo) {
  std::string rows;
  for (uint32_t number = 1; number <= 3; ++number) {
    rows += Rows(archive_.Rebuild("latest", {}, RowsPart{number, 3}), "orders");
  }
  EXPECT_EQ(Sorted(rows), Sorted(Rows(archive_.Rebuild("latest"), "orders")));
}

// The parts are from several instants, but what comes after the last of them is held to it.
TEST_F(TableInPartsTest, AMissingRowAfterwardsIsAnError) {
  archive_.Commit(310, {Update(kOrders, {"1", "gone"})});
  archive_.Publish(320);
  const auto state = archive_.Rebuild("latest");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().kind, ErrorKind::kCorrupt);
}

// The other table's snapshot is of an attempt in between, which copied nothing of this one.
TEST(TableInParts, GoesOnPastTheSnapshotOfAnother) {
  ArchiveBuilder archive;
  const std::string definition = DefinitionOf({{.relation = kOrders}, {.relation = kLog}});
  archive.Snapshot(150, {{kOrders, {{"1", "a"}, {"2", "b"}, {"3", "c"}}}, {kLog, {{"x", "y"}}}});
  const SnapshotPart pages = archive.Pages(200, {kOrders, {{"1", "a"}, {"2", "b"}}}, 0);
  archive.TableSnapshots(220, {{kLog, {{"x", "y"}}}}, definition);
  archive.Commit(230, {Update(kOrders, {"3", "cc"}), Delete(kOrders, {"2", nullptr})});
  archive.Publish(240);
  archive.TableSnapshotWith(250, {kOrders, {{"3", "cc"}}}, {pages});
  archive.Publish(300);
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "orders"), "1,a\n3,cc\n");
}

class RewrittenTableTest : public testing::Test {
 protected:
  RewrittenTableTest() {
    archive_.Snapshot(150, {{kOrders, {{"1", "a"}, {"2", "b"}}}, {kLog, {{"x", "y"}}}});
    archive_.Commit(160, {Insert(kOrders, {"3", "c"})});
    archive_.Commit(200, {Insert(kDates, {"4", "2020-01-01"}), Insert(kLog, {"z", "z"})});
    archive_.Publish(300);
  }
  void SnapshotTable() {
    archive_.TableSnapshots(
        350, {{kDates, {{"1", "2001-01-01"}, {"4", "2020-01-01"}, {"5", "2005-01-01"}}}},
        DefinitionOf({{.relation = kDates}, {.relation = kLog}}));
  }
  // Transactions on both sides of the snapshot's LSN in one segment, and in one block.
  void GoOn() {
    archive_.Commit(310, {Update(kDates, {"1", "2001-01-01"}), Delete(kDates, {"2", nullptr})});
    archive_.Commit(320, {Insert(kLog, {"q", "q"})});
    archive_.Commit(350, {Update(kDates, {"4", "2044-04-04"})});
    archive_.Commit(360, {Delete(kDates, {"5", nullptr}), Insert(kLog, {"r", "r"})});
    archive_.Publish(400);
  }

  ArchiveBuilder archive_;
};

TEST_F(RewrittenTableTest, IsRefusedFromTheRewriteToTheSnapshotAndExactAfter) {
  SnapshotTable();
  GoOn();
  EXPECT_EQ(Rows(archive_.Rebuild("lsn:0/B4"), "orders"), "1,a\n2,b\n3,c\n");
  const auto doubtful = archive_.Rebuild("lsn:0/15D");
  ASSERT_FALSE(doubtful);
  EXPECT_EQ(doubtful.error().kind, ErrorKind::kGap);
  EXPECT_THAT(doubtful.error().message,
              HasSubstr("in doubt from 0/C8 until its snapshot at 0/15E"));
  EXPECT_EQ(Rows(archive_.Rebuild("lsn:0/15D", {"log"}), "log"), "x,y\nz,z\nq,q\n");
  EXPECT_EQ(Rows(archive_.Rebuild("lsn:0/15E"), "orders"),
            "1,2001-01-01\n4,2020-01-01\n5,2005-01-01\n");
  EXPECT_EQ(Rows(archive_.Rebuild("latest"), "orders"), "1,2001-01-01\n4,2044-04-04\n");
  EXPECT_EQ(Rows(archive_.Rebuild("latest"), "log"), "x,y\nz,z\nq,q\nr,r\n");
  EXPECT_EQ(Rows(archive_.Rebuild("latest", {"orders"}), "orders"), "1,2001-01-01\n4,2044-04-04\n");
  EXPECT_THAT(Doubts(archive_), ElementsAre("orders 0/C8 to 0/15E"));
}

TEST_F(RewrittenTableTest, IsInDoubtOnWithoutASnapshot) {
  GoOn();
  EXPECT_THAT(Rows(archive_.Rebuild("latest"), "orders"),
              HasSubstr("in doubt from 0/C8 on, with no snapshot of it since"));
  EXPECT_THAT(Doubts(archive_), ElementsAre("orders 0/C8 to "));
}

TEST_F(RewrittenTableTest, HasAnAnswerAheadOfTheArchivesEnd) {
  SnapshotTable();
  EXPECT_THAT(Doubts(archive_), ElementsAre("orders 0/C8 to 0/15E"));
  EXPECT_THAT(Rows(archive_.Rebuild("latest"), "orders"), HasSubstr("until its snapshot at"));
}

TEST_F(RewrittenTableTest, ItsManifestAloneMakesTheSnapshotCount) {
  archive_.TableSnapshots(350, {}, DefinitionOf({{.relation = kDates}, {.relation = kLog}}));
  GoOn();
  EXPECT_THAT(Doubts(archive_), ElementsAre("orders 0/C8 to "));
  EXPECT_EQ(archive_.Rebuild("latest").error().kind, ErrorKind::kGap);
}

TEST_F(RewrittenTableTest, TheNewestSnapshotCounts) {
  SnapshotTable();
  archive_.Commit(310, {Insert(kLog, {"q", "q"})});
  archive_.Publish(400);
  archive_.Commit(410, {Insert(kOrders, {"9", "rewritten back"})});
  archive_.Publish(450);
  archive_.TableSnapshots(460, {{kOrders, {{"9", "rewritten back"}}}},
                          DefinitionOf({{.relation = kOrders}, {.relation = kLog}}));
  archive_.Publish(500);
  EXPECT_EQ(Rows(archive_.Rebuild("lsn:0/190"), "orders"),
            "1,2001-01-01\n4,2020-01-01\n5,2005-01-01\n");
  EXPECT_EQ(archive_.Rebuild("lsn:0/1C0").error().kind, ErrorKind::kGap);
  EXPECT_EQ(Rows(archive_.Rebuild("latest"), "orders"), "9,rewritten back\n");
  EXPECT_THAT(Doubts(archive_), ElementsAre("orders 0/C8 to 0/15E", "orders 0/19A to 0/1CC"));
  archive_.Snapshot(500, {{kOrders, {{"1", "base"}}}, {kLog, {}}});
  EXPECT_EQ(Rows(archive_.Rebuild("latest"), "orders"), "1,base\n") << "a base snapshot is newer";
  EXPECT_THAT(Doubts(archive_, /*from_first=*/false), IsEmpty());
}

TEST_F(RewrittenTableTest, ATruncateEndsDoubtToo) {
  archive_.Commit(310, {Truncate({kDates}), Insert(kDates, {"7", "2007-07-07"})});
  archive_.Publish(400);
  EXPECT_EQ(Rows(archive_.Rebuild("latest"), "orders"), "7,2007-07-07\n");
  EXPECT_THAT(Doubts(archive_), ElementsAre("orders 0/C8 to 0/136"));
}

TEST(TableSnapshotTest, ATableThatJoinsIsInDoubtUntilItsSnapshot) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {{"1", "a"}}}});
  const std::string both = DefinitionOf({{.relation = kOrders}, {.relation = kLog}});
  archive.Commit(200, {Message("trunkline.definition", both)});
  archive.Publish(250);
  EXPECT_THAT(Doubts(archive), ElementsAre("log 0/C8 to ")) << "no row of it is known";
  archive.Commit(260, {Insert(kLog, {"x", "y"})});
  archive.Publish(300);
  EXPECT_THAT(Doubts(archive), ElementsAre("log 0/C8 to "));
  archive.TableSnapshots(350, {{kLog, {{"before", "all"}, {"x", "y"}}}}, both);
  archive.Commit(360, {DeleteFull(kLog, {"before", "all"})});
  archive.Publish(400);
  EXPECT_EQ(archive.Rebuild("lsn:0/12C").error().kind, ErrorKind::kGap);
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "log"), "x,y\n");
  EXPECT_THAT(Doubts(archive), ElementsAre("log 0/C8 to 0/15E"));
}

TEST(TableSnapshotTest, ATableNewWhereAllArePublishedIsNotInDoubt) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {{"1", "a"}}}}, DefinitionOf({{.relation = kOrders}}, true));
  archive.Commit(200, {Insert(kLog, {"x", "y"})});
  archive.Publish(300);
  EXPECT_THAT(Doubts(archive), IsEmpty());
}

TEST(TableSnapshotTest, ARewriteOfNoRowsIsNoDoubt) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {}}, {kLog, {}}});
  archive.Commit(200, {Insert(kDates, {"1", "2001-01-01"})});
  archive.Publish(300);
  EXPECT_THAT(Doubts(archive), IsEmpty());
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "orders"), "1,2001-01-01\n");
}

TEST(TableSnapshotTest, RowsThatAnotherRowFilterLetsThroughAreInDoubt) {
  std::string filtered = DefinitionOf({{.relation = kOrders}});
  const std::string null = R"("row_filter":null)";
  filtered.replace(filtered.find(null), null.size(), R"x("row_filter":"(id > 0)")x");
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {{"1", "a"}}}});
  archive.Commit(200, {Message("trunkline.definition", filtered)});
  archive.Publish(300);
  EXPECT_THAT(Rows(archive.Rebuild("latest"), "orders"), HasSubstr("row filter"));
  EXPECT_THAT(Doubts(archive), ElementsAre("orders 0/C8 to "));
  archive.TableSnapshots(300, {{kOrders, {{"1", "a"}, {"2", "b"}}}}, filtered);
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "orders"), "1,a\n2,b\n");
  EXPECT_THAT(Doubts(archive), ElementsAre("orders 0/C8 to 0/12C"));
}

// As a crash leaves it: some tables copied at 150, the others with the base snapshot at 250.
class ResumedBaseTest : public testing::Test {
 protected:
  ResumedBaseTest() {
    const auto whole = archive_.TableSnapshots(150, {{kOrders, {{"1", "a"}, {"2", "b"}}}});
    archive_.Commit(160, {Update(kOrders, {"1", "a2"}), Insert(kLog, {"in", "the base"})});
    archive_.Commit(200, {Insert(kOrders, {"3", "c"}), DeleteFull(kLog, {"not", "loaded"})});
    archive_.Publish(240);
    archive_.Commit(241, {Delete(kOrders, {"2", nullptr})});
    archive_.Commit(250, {Insert(kOrders, {"4", "d"}), Insert(kLog, {"at", "its LSN"})});
    archive_.Publish(300);
    archive_.Snapshot(250, {{kLog, {{"in", "the base"}}}}, {}, {}, whole);
  }
  ArchiveBuilder archive_;
};

TEST_F(ResumedBaseTest, TablesFromBeforeItsLsnAreBroughtOn) {
  EXPECT_EQ(Rows(archive_.Rebuild("lsn:0/FA"), "orders"), "1,a2\n3,c\n");
  EXPECT_EQ(Rows(archive_.Rebuild("lsn:0/FA"), "log"), "in,the base\n");
  EXPECT_EQ(Rows(archive_.Rebuild("latest"), "orders"), "1,a2\n3,c\n4,d\n");
  EXPECT_EQ(Rows(archive_.Rebuild("latest"), "log"), "in,the base\nat,its LSN\n");
  EXPECT_EQ(Rows(archive_.Rebuild("latest", {"log"}), "log"), "in,the base\nat,its LSN\n");
  EXPECT_THAT(Doubts(archive_), IsEmpty());
}

TEST_F(ResumedBaseTest, NothingBeforeItsLsnCanBeReached) {
  EXPECT_EQ(archive_.Rebuild("lsn:0/F0").error().kind, ErrorKind::kNotFound);
}

TEST_F(ResumedBaseTest, ThePlanBeginsWithTheEarliestTable) {
  const auto target = archive_.Resolve("latest");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->snapshot, Lsn{250});
  const auto plan = PlanRebuild(archive_.store(), archive_.ReadCatalog(), *target);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->steps.size(), 2U);
  EXPECT_EQ(plan->steps[0].tables.lsn, Lsn{150});
  EXPECT_EQ(plan->steps[0].until, Lsn{250});
  EXPECT_EQ(plan->steps[0].segments.size(), 2U);
  EXPECT_TRUE(plan->steps[1].tables.base);
  EXPECT_EQ(plan->steps[1].segments.size(), 1U);
  EXPECT_EQ(plan->segments.size(), 2U);
}

TEST(ResumedBaseGapTest, ALostChangeAfterTheEarliestTableIsAGap) {
  ArchiveBuilder archive;
  const auto whole = archive.TableSnapshots(150, {{kOrders, {}}});
  archive.Publish(160);
  archive.Gap(170);
  archive.Publish(300);
  archive.Snapshot(250, {{kLog, {}}}, {}, {}, whole);
  EXPECT_EQ(archive.Resolve("latest").error().kind, ErrorKind::kGap);
}

}  // namespace
}  // namespace trunkline::test
