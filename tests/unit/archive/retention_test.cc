// Retention: what is removed, and that what remains is whole and known to be cut on purpose.
#include "archive/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "archive/compaction.h"
#include "archive/doubt_finder.h"
#include "archive/listed_segment.h"
#include "archive/rebuild_start.h"
#include "archive/verify.h"
#include "tests/unit/archive/sample_archive.h"

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RetentionTest : public testing::Test {
 protected:
  RetentionTest() {
    archive_.Fill();
    SampleArchive::TakeSnapshot(archive_.Open().get(), {0x3800});
  }

  Store* store() { return archive_.store(); }
  Catalog Listed() { return Must(LoadCatalog(*store())); }
  RetentionPlan Plan(uint64_t keep_from) {
    return Must(PlanRetention(*store(), Listed(), Lsn{keep_from}));
  }
  void Keep(uint64_t from) { Must(Retain(store(), Plan(from))); }
  std::vector<std::string> Names(std::string_view prefix = kSegmentPrefix) {
    std::vector<std::string> names;
    for (const ObjectInfo& object : Must(store()->List(prefix))) names.push_back(object.name);
    return names;
  }
  VerifyReport Verified() { return Must(Verify(*store(), nullptr)); }

  SampleArchive archive_;
  const std::string third_ = SegmentObjectName({0x3000}, {0x4000});
  const std::string fourth_ = SegmentObjectName({0x4000}, {0x5000});
};

TEST_F(RetentionTest, KeepsTheBaseSnapshotOfTheOldestTargetAndAllAfterIt) {
  const RetentionPlan plan = Plan(0x4100);
  EXPECT_EQ(plan.base, Lsn{0x3800});
  EXPECT_EQ(plan.begin, Lsn{0x3000});
  EXPECT_EQ(plan.segments.size(), 2);
  EXPECT_THAT(plan.snapshots, ElementsAre(Lsn{0x1800}));
  EXPECT_EQ(plan.snapshot_objects.front().name, SnapshotManifestName({0x1800}));
  EXPECT_EQ(Names().size(), 4) << "a plan removes nothing";
  Must(Retain(store(), plan));
  EXPECT_THAT(Names(), ElementsAre(RetainedObjectName({0x1000}, {0x3000}), third_, fourth_));
  EXPECT_THAT(Names("snapshots/0000000000001800"), IsEmpty());
  EXPECT_EQ(Listed().retained->end, Lsn{0x3000});
}

TEST_F(RetentionTest, VerifyKnowsRemovalOnPurposeFromLoss) {
  Keep(0x4000);
  VerifyReport report = Verified();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.retained, Lsn{0x3000});
  EXPECT_EQ(report.begin, Lsn{0x3000});
  EXPECT_EQ(report.notes.size(), 1);

  const std::string retained = archive_.PathOf(RetainedObjectName({0x1000}, {0x3000}));
  const std::string bytes = ReadFile(retained);
  std::filesystem::remove(retained);
  EXPECT_THAT(Verified().findings,
              ElementsAre(testing::Field(&Finding::problem, HasSubstr("missing"))));
  WriteFile(retained, bytes);
  std::filesystem::remove(archive_.PathOf(third_));
  EXPECT_THAT(Verified().findings,
              ElementsAre(testing::Field(&Finding::problem, HasSubstr("no segment holds"))));
}

TEST_F(RetentionTest, ASegmentExchangedBehindItIsFound) {
  Keep(0x4000);
  SegmentHeader header = Must(OpenListed(*store(), third_))->header();
  header.previous_digest = std::string(kDigestBytes, 'x');
  const auto forged = Must(Transactions({0x3100}).Finish(header));
  WriteFile(archive_.PathOf(third_), Must(ReadAll(*forged, 1 << 20)));
  EXPECT_THAT(Verified().findings, testing::Contains(testing::Field(&Finding::object, third_)));
}

TEST_F(RetentionTest, WithoutAnOlderSnapshotNothingIsRemoved) {
  EXPECT_EQ(PlanRetention(*store(), Listed(), Lsn{0x1700}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Plan(0x1800).objects(), 0);
  EXPECT_EQ(Plan(0x37FF).objects(), 0);
  EXPECT_GT(Plan(0x3800).objects(), 0);
}

TEST_F(RetentionTest, TheNewestSegmentStays) {
  SampleArchive::TakeSnapshot(archive_.Open().get(), {0x5000});
  Keep(0x5000);
  EXPECT_THAT(Names(), ElementsAre(RetainedObjectName({0x1000}, {0x4000}), fourth_));
  const auto appender = archive_.Open();
  EXPECT_EQ(appender->end(), Lsn{0x5000});
  Must(appender->AppendSegment(Transactions({0x5100}), {0x7000}, 1, 150018));
  EXPECT_THAT(Verified().findings, IsEmpty());
}

TEST_F(RetentionTest, ATableOfAnEarlierFolderKeepsItAndItsChanges) {
  const auto appender = archive_.Open();
  const Relation orders = Table("orders");
  Must(appender->PutSnapshotDefinition({0x3900}, SampleArchive::kDefinition, "state", 1, 150018));
  const SnapshotPart part =
      Must(appender->PutSnapshotPart(Rows({0x3900}, orders, 2), {0x3900}, orders, 0));
  Must(appender->CompleteTable({0x3900}, {part}, {}, 1, 150018));
  Must(appender->CompleteSnapshot({0x4800}, {part}, SampleArchive::kDefinition, 1, 150018));
  Keep(0x4800);
  EXPECT_THAT(Names(), ElementsAre(RetainedObjectName({0x1000}, {0x3000}), third_, fourth_));
  EXPECT_EQ(Names("snapshots/").size(), 4);
  EXPECT_THAT(Verified().findings, IsEmpty());
  const auto start = Must(SnapshotsFor(*store(), Listed(), {0x5000}));
  EXPECT_EQ(start.front().lsn, Lsn{0x3900});
  EXPECT_TRUE(SegmentsBetween(Listed(), start.front().lsn, {0x5000}));
}

TEST_F(RetentionTest, ACrashAtAnyPointIsMadeGoodByTheNext) {
  const RetentionPlan plan = Plan(0x4000);
  const std::vector<std::string> segments = Names();
  std::vector<std::string> contents;
  for (const std::string& name : segments) contents.push_back(ReadFile(archive_.PathOf(name)));
  Must(Retain(store(), plan));
  // As if it had been killed before it removed these.
  WriteFile(archive_.PathOf(segments[0]), contents[0]);
  SampleArchive::TakeSnapshot(archive_.Open().get(), {0x1800});
  EXPECT_THAT(Verified().findings, IsEmpty());
  EXPECT_EQ(Listed().SnapshotAtOrBefore({0x2000}), nullptr);
  EXPECT_EQ(SegmentsBetween(Listed(), {0x1800}, {0x5000}).error().kind, ErrorKind::kNotFound);
  DoubtFinder finder;
  Must(FollowArchive(*store(), Listed(), true, &finder));
  EXPECT_EQ(finder.reached(), Lsn{0x5000});
  Keep(0x4000);
  EXPECT_EQ(Names(),
            (std::vector<std::string>{RetainedObjectName({0x1000}, {0x3000}), third_, fourth_}));
  EXPECT_THAT(Names("snapshots/0000000000001800"), IsEmpty());
  EXPECT_THAT(Verified().notes, testing::SizeIs(1));
}

TEST_F(RetentionTest, ALaterOneTakesThePlaceOfTheEarlier) {
  Keep(0x4000);
  SampleArchive::TakeSnapshot(archive_.Open().get(), {0x4800});
  Keep(0x5000);
  EXPECT_THAT(Names(), ElementsAre(RetainedObjectName({0x1000}, {0x4000}), fourth_));
  EXPECT_THAT(Verified().findings, IsEmpty());
}

TEST_F(RetentionTest, BesideACompactionNothingIsLost) {
  const Catalog before = Listed();
  const RetentionPlan plan = Must(PlanRetention(*store(), before, Lsn{0x4000}));
  CompactionPlan merge = Must(PlanCompaction(*store(), before, {}));
  ASSERT_EQ(merge.groups.size(), 1);
  EXPECT_EQ(merge.groups[0].end(), Lsn{0x3000}) << "retention can cut there";
  merge.groups[0].segments.push_back(before.segments[2]);
  Must(Compact(store(), merge, {}, nullptr));
  const auto retained = Retain(store(), plan);
  ASSERT_FALSE(retained);
  EXPECT_EQ(retained.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(Names(), testing::Not(testing::Contains(RetainedObjectName({0x1000}, {0x3000}))))
      << "it would be in the way of merging for ever";
  EXPECT_THAT(Verified().findings, IsEmpty());
  Keep(0x4000);  // what was merged is kept as a whole
  EXPECT_EQ(Listed().segments.front().begin, Lsn{0x1000});
  EXPECT_THAT(Verified().findings, IsEmpty());
}

TEST_F(RetentionTest, ABaseSnapshotThatAFailoverMayTakeBackReplacesNone) {
  SampleArchive::TakeSnapshot(archive_.Open().get(), {0x6000});
  const RetentionPlan plan = Plan(0x6000);
  EXPECT_EQ(plan.base, Lsn{0x3800});
  Must(Retain(store(), plan));
  Must(archive_.Open()->RemoveSnapshotsAfter({0x5000}));
  EXPECT_EQ(Listed().snapshots.front().lsn, Lsn{0x3800});
}

TEST_F(RetentionTest, ChangesThatAreMissingAreNotHidden) {
  std::filesystem::remove(archive_.PathOf(third_));
  EXPECT_EQ(PlanRetention(*store(), Listed(), Lsn{0x5000}).error().kind, ErrorKind::kGap);
}

TEST_F(RetentionTest, WhatWasRemovedWithoutLeadingOnIsTakenBackByTheNext) {
  const RetentionPlan plan = Plan(0x4000);
  CompactionPlan merge = Must(PlanCompaction(*store(), Listed(), {}));
  merge.groups[0].segments.push_back(Listed().segments[2]);
  Must(Compact(store(), merge, {}, nullptr));
  // A retention that had planned before was killed when it had published.
  SegmentHeader header = Must(OpenListed(*store(), Listed().segments[0].name))->header();
  header.kind = SegmentKind::kRetained;
  header.end = {0x3000};
  header.replaced = {header.replaced[1]};
  header.previous_digest.clear();
  const auto dead = Must(Transactions({}).Finish(header));
  const NewObject object{RetainedObjectName({0x1000}, {0x3000}), dead.get()};
  Must(store()->Put({&object, 1}));
  EXPECT_THAT(Verified().findings, IsEmpty());
  Keep(0x4000);
  EXPECT_THAT(Names(), testing::Not(testing::Contains(object.name)));
  EXPECT_THAT(Verified().findings, IsEmpty());
}

TEST_F(RetentionTest, ManifestsGoBeforeThePartsThatTheyListInEarlierFolders) {
  const std::vector<ObjectInfo> objects = InOrderOfRemoval(Listed().snapshots);
  ASSERT_EQ(objects.size(), 8);
  EXPECT_EQ(objects[0].name, SnapshotManifestName({0x3800}));
  EXPECT_EQ(objects[1].name, SnapshotManifestName({0x1800}));
}

TEST_F(RetentionTest, ASnapshotOfEarlierPagesIsVoidOnceALaterBaseSnapshotMayReplaceThem) {
  const auto appender = archive_.Open();
  const Relation orders = Table("orders");
  const auto part_at = [&](Lsn lsn) {
    Must(appender->PutSnapshotDefinition(lsn, SampleArchive::kDefinition, "state", 1, 150018));
    return Must(appender->PutSnapshotPart(Rows(lsn, orders, 2), lsn, orders, 0));
  };
  const SnapshotPart kept = part_at({0x3900});
  Must(appender->KeepPages({0x3900}, {kept}, {.begin = 0, .end = 1}, 1, 150018));
  const SnapshotPart rest = part_at({0x4900});
  // Meanwhile somebody adds a base snapshot, for which retention lets the pages go.
  SampleArchive::TakeSnapshot(archive_.Open().get(), {0x4200});
  const auto completed = appender->CompleteTable({0x4900}, {kept, rest}, {}, 1, 150018);
  ASSERT_FALSE(completed);
  EXPECT_EQ(completed.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(Names("snapshots/"),
              testing::Not(testing::Contains(TableManifestName({0x4900}, "public", "orders"))));
  Keep(0x5000);
  EXPECT_THAT(Verified().findings, IsEmpty());
}

TEST_F(RetentionTest, AManifestWithoutItsPartsDoesNotStay) {
  const auto appender = archive_.Open();
  const Relation orders = Table("orders");
  const auto put = [&](uint32_t number) {
    return Must(appender->PutSnapshotPart(Rows({0x4900}, orders, 2), {0x4900}, orders, number));
  };
  const std::vector<SnapshotPart> parts = {put(0), put(1)};
  std::filesystem::remove(archive_.PathOf(parts[1].name));
  EXPECT_EQ(appender->CompleteTable({0x4900}, parts, {}, 1, 150018).error().kind,
            ErrorKind::kConflict);
  EXPECT_EQ(archive_.Open()
                ->CompleteSnapshot({0x4900}, parts, SampleArchive::kDefinition, 1, 150018)
                .error()
                .kind,
            ErrorKind::kConflict);
  EXPECT_EQ(Names("snapshots/0000000000004900"), std::vector<std::string>{parts[0].name});
}

TEST_F(RetentionTest, LossIsToldFromASnapshotThatWasRemoved) {
  const auto parts = Must(SnapshotsFor(*store(), Listed(), {0x5000})).front().parts;
  std::filesystem::remove(archive_.PathOf(parts[0].name));
  EXPECT_EQ(OpenListed(*store(), parts[0].name).error().kind, ErrorKind::kCorrupt);
  std::filesystem::remove(archive_.PathOf(SnapshotManifestName({0x3800})));
  EXPECT_EQ(OpenListed(*store(), parts[0].name).error().kind, ErrorKind::kConflict);
}

TEST_F(RetentionTest, AReaderThatListedBeforeIsToldToListAgain) {
  Keep(0x4000);
  EXPECT_EQ(OpenListed(*store(), SegmentObjectName({0x1000}, {0x2000})).error().kind,
            ErrorKind::kConflict);
  EXPECT_EQ(OpenListed(*store(), SnapshotManifestName({0x1800})).error().kind,
            ErrorKind::kConflict);
}

}  // namespace
}  // namespace trunkline
