// Merging segments: what is merged, what a crash or a rival leaves, and that readers understand it.
#include "archive/compaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "archive/doubt_finder.h"
#include "archive/listed_segment.h"
#include "archive/segment_merge.h"
#include "archive/transaction_digest.h"
#include "archive/verify.h"
#include "tests/unit/archive/sample_archive.h"

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Names of segments of ranges "10-30", with a letter behind for a merged (m), retained (r) or gap
// (g) one; "segments | retained | superseded" of their catalog in the same way.
std::string TilingOf(const std::vector<std::string>& ranges) {
  std::vector<ObjectInfo> objects;
  for (const std::string& range : ranges) {
    size_t dash = 0;
    const Lsn begin{std::stoull(range, &dash)};
    const Lsn end{std::stoull(range.substr(dash + 1))};
    const char kind = range.back();
    objects.push_back({kind == 'm'   ? MergedObjectName(begin, end)
                       : kind == 'r' ? RetainedObjectName(begin, end)
                       : kind == 'g' ? GapObjectName(begin, end)
                                     : SegmentObjectName(begin, end),
                       1});
  }
  const auto text = [](const std::vector<SegmentEntry>& entries) {
    std::string line;
    for (const SegmentEntry& entry : entries) {
      line += (line.empty() ? "" : " ") + std::to_string(entry.begin.value) + "-" +
              std::to_string(entry.end.value) +
              (entry.merged ? "m"
               : entry.gap  ? "g"
                            : "");
    }
    return line;
  };
  const Catalog catalog = CatalogOf(std::move(objects));
  EXPECT_THAT(catalog.foreign, IsEmpty());
  return text(catalog.segments) + " | " +
         (catalog.retained ? std::to_string(catalog.retained->end.value) : "") + " | " +
         text(catalog.superseded);
}

TEST(TilingTest, AMergedSegmentStandsForThoseOfItsRange) {
  EXPECT_EQ(TilingOf({"1-2", "2-3", "3-4"}), "1-2 2-3 3-4 |  | ");
  EXPECT_EQ(TilingOf({"1-3m", "3-4"}), "1-3m 3-4 |  | ");
  EXPECT_EQ(TilingOf({"1-2", "1-3m", "2-3", "3-4"}), "1-3m 3-4 |  | 1-2 2-3");
  EXPECT_EQ(TilingOf({"1-3m", "2-3", "3-4"}), "1-3m 3-4 |  | 2-3") << "half removed";
  EXPECT_EQ(TilingOf({"1-2", "2-5m", "5-6g", "6-7"}), "1-2 2-5m 5-6g 6-7 |  | ");
}

TEST(TilingTest, TheWiderOfTwoMergedOnes) {
  EXPECT_EQ(TilingOf({"1-3m", "1-5m", "3-4", "4-5", "5-6"}), "1-5m 5-6 |  | 1-3m 3-4 4-5");
}

TEST(TilingTest, OneAcrossAnotherIsPassedOver) {
  EXPECT_EQ(TilingOf({"1-5m", "4-7m", "5-6", "6-7", "7-8"}), "1-5m 5-6 6-7 7-8 |  | 4-7m");
  EXPECT_EQ(TilingOf({"1-2", "2-3", "3-4", "2-6m", "1-4m", "4-5", "5-6"}),
            "1-2 2-6m |  | 1-4m 2-3 3-4 4-5 5-6");
}

TEST(TilingTest, WhatWasRemovedStaysRemoved) {
  EXPECT_EQ(TilingOf({"1-3r", "3-4"}), "3-4 | 3 | ");
  EXPECT_EQ(TilingOf({"1-3r", "1-2", "2-3", "3-4"}), "3-4 | 3 | 1-2 2-3");
  EXPECT_EQ(TilingOf({"1-3r", "1-2g", "1-4r", "3-4", "4-5"}), "4-5 | 4 | 1-2g 1-3 3-4");
  EXPECT_EQ(TilingOf({"1-4r", "3-6m", "4-5", "5-6", "6-7"}), "4-5 5-6 6-7 | 4 | 3-6m");
  // Nothing leads on from where it ends: it was published beside a merge, and does not count.
  EXPECT_EQ(TilingOf({"1-2", "1-4r", "2-6m", "6-7"}), "1-2 2-6m 6-7 |  | 1-4");
}

TEST(TilingTest, DamageStaysVisible) {
  EXPECT_EQ(TilingOf({"1-3", "2-4"}), "1-3 2-4 |  | ") << "two daemons";
  EXPECT_EQ(TilingOf({"1-2", "1-3m", "2-3", "2-4"}), "1-2 1-3m 2-3 2-4 |  | ") << "likewise";
  EXPECT_EQ(TilingOf({"1-5m", "4-7m"}), "1-5m 4-7m |  | ");
  EXPECT_EQ(TilingOf({"1-3m", "4-5"}), "1-3m 4-5 |  | ");
}

class CompactionTest : public testing::Test {
 protected:
  CompactionTest() { archive_.Fill(); }

  Store* store() { return archive_.store(); }
  CompactionPlan Plan(const CompactionOptions& options = {}) {
    return Must(PlanCompaction(*store(), Must(LoadCatalog(*store())), options));
  }
  CompactionReport Merge(const CompactionOptions& options = {}) {
    return Must(Compact(store(), Plan(options), options, nullptr));
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const ObjectInfo& object : Must(store()->List(kSegmentPrefix))) {
      names.push_back(object.name);
    }
    return names;
  }
  // Of all that the archive's segments say, in their order.
  std::string Said() {
    TransactionDigest digest;
    for (const SegmentEntry& entry : Must(LoadCatalog(*store())).segments) {
      Must(Must(OpenListed(*store(), entry.name))->ForEach(&digest));
    }
    return digest.Finish();
  }
  std::vector<Finding> Found() { return Must(Verify(*store(), nullptr)).findings; }
  // Publishes what the plan's group would become, and removes nothing: as after a crash.
  std::string PublishOnly(const MergeGroup& group) {
    std::vector<std::string> names;
    for (const SegmentEntry& entry : group.segments) names.push_back(entry.name);
    const auto merged = Must(MergeSegments(*store(), names, {}, nullptr));
    const NewObject object{MergedObjectName(group.begin(), group.end()), merged.get()};
    Must(store()->Put({&object, 1}));
    return object.name;
  }

  SampleArchive archive_;
  const std::string first_ = SegmentObjectName({0x1000}, {0x2000});
  const std::string newest_ = SegmentObjectName({0x4000}, {0x5000});
  const std::string merged_ = MergedObjectName({0x1000}, {0x4000});
};

TEST_F(CompactionTest, AllButTheNewestBecomeOneThatSaysTheSame) {
  const std::string said = Said();
  const std::string last_digest = Must(Verify(*store(), nullptr)).last_digest;
  const CompactionReport report = Merge();
  EXPECT_EQ(report.merged, 1);
  EXPECT_EQ(report.replaced, 3);
  EXPECT_THAT(Names(), ElementsAre(merged_, newest_));
  EXPECT_EQ(Said(), said);
  const VerifyReport verified = Must(Verify(*store(), nullptr));
  EXPECT_THAT(verified.findings, IsEmpty());
  EXPECT_THAT(verified.notes, IsEmpty());
  EXPECT_EQ(verified.merged, 1);
  EXPECT_EQ(verified.replaced, 3);
  EXPECT_EQ(verified.last_digest, last_digest);
  EXPECT_THAT(Plan().groups, IsEmpty());
}

TEST_F(CompactionTest, MergedOnesAreMergedAgainAndLargeOnesAreLeft) {
  const std::string said = Said();
  Merge({.up_to = Lsn{0x3000}, .target_bytes = 256 << 20, .scratch_directory = "/tmp"});
  EXPECT_THAT(Names(), ElementsAre(MergedObjectName({0x1000}, {0x3000}),
                                   SegmentObjectName({0x3000}, {0x4000}), newest_));
  EXPECT_THAT(
      Plan({.up_to = Lsn{UINT64_MAX}, .target_bytes = 2, .scratch_directory = "/tmp"}).groups,
      IsEmpty());
  EXPECT_EQ(Merge().replaced, 2);
  EXPECT_EQ(Must(OpenListed(*store(), merged_))->header().replaced.size(), 3);
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_EQ(Said(), said);
}

TEST_F(CompactionTest, ADaemonGoesOnBehindIt) {
  Merge();
  const auto appender = archive_.Open();
  EXPECT_EQ(appender->end(), Lsn{0x5000});
  Must(appender->AppendSegment(Transactions({0x5100}), {0x6000}, SampleArchive::kTimeline,
                               SampleArchive::kServer));
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_EQ(Merge().replaced, 2);
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(CompactionTest, ACrashBeforeTheRemovalIsMadeGoodByTheNext) {
  const std::string said = Said();
  PublishOnly(Plan().groups[0]);
  EXPECT_EQ(Said(), said);
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_EQ(Must(Verify(*store(), nullptr)).notes.size(), 3);
  DoubtFinder finder;
  Must(FollowArchive(*store(), Must(LoadCatalog(*store())), true, &finder));
  EXPECT_EQ(finder.reached(), Lsn{0x5000});
  std::filesystem::remove(archive_.PathOf(first_));  // killed in the middle of removing
  EXPECT_EQ(Said(), said);
  EXPECT_EQ(Plan().leftovers.size(), 2);
  EXPECT_EQ(Merge().leftovers, 2);
  EXPECT_THAT(Names(), ElementsAre(merged_, newest_));
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(CompactionTest, RivalsThatMergeAcrossEachOtherLoseNothing) {
  Must(archive_.Open()->AppendSegment(Transactions({0x5100}), {0x6000}, SampleArchive::kTimeline,
                                      SampleArchive::kServer));
  const std::string said = Said();
  CompactionPlan all = Plan();
  MergeGroup front = all.groups[0];
  MergeGroup back = front;
  front.segments.resize(3);
  back.segments.erase(back.segments.begin());
  // Both have published; then each looks, and removes.
  const std::string one = PublishOnly(front);
  const std::string other = PublishOnly(back);
  EXPECT_FALSE(Must(RemoveCovered(store(), one)));
  EXPECT_FALSE(Must(RemoveCovered(store(), other)));
  EXPECT_EQ(Said(), said);
  EXPECT_THAT(Found(), IsEmpty());
  Merge();
  EXPECT_THAT(Names(), ElementsAre(MergedObjectName({0x1000}, {0x5000}),
                                   SegmentObjectName({0x5000}, {0x6000})));
  EXPECT_EQ(Said(), said);
}

TEST_F(CompactionTest, WhatADamagedOrForgedOneStandsForStays) {
  const std::string merged = PublishOnly(Plan().groups[0]);
  const std::string sound = ReadFile(archive_.PathOf(merged));
  std::string damaged = sound;
  damaged[damaged.size() / 2] ^= 1;
  WriteFile(archive_.PathOf(merged), damaged);
  EXPECT_EQ(Compact(store(), Plan(), {}, nullptr).error().kind, ErrorKind::kCorrupt);
  SegmentHeader header = Must(OpenListed(*store(), first_))->header();
  header.end = {0x4000};
  header.replaced = {{{0x4000}, std::string(kDigestBytes, 'x')}};
  const auto forged = Must(Transactions({0x1100}).Finish(header));
  WriteFile(archive_.PathOf(merged), Must(ReadAll(*forged, 1 << 20)));
  EXPECT_EQ(Compact(store(), Plan(), {}, nullptr).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Names().size(), 5);
  WriteFile(archive_.PathOf(merged), sound);
  EXPECT_EQ(Merge().leftovers, 3);
  EXPECT_EQ(Names().size(), 2);
}

// Publishes, and says that it has not.
class SilentStore final : public Store {
 public:
  explicit SilentStore(Store* store) : store_(*store) {}
  bool silent = false;
  std::string url() const override { return store_.url(); }
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) const override {
    return store_.List(prefix);
  }
  Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const override {
    return store_.Open(name);
  }
  Result<void> Put(std::span<const NewObject> objects) override {
    TRY(store_.Put(objects));
    if (silent) return Fail(ErrorKind::kUnavailable, "no answer");
    return {};
  }
  Result<void> Remove(std::span<const std::string> names) override { return store_.Remove(names); }

 private:
  Store& store_;
};

TEST_F(CompactionTest, ADaemonWhoseSegmentsWereMergedBeforeItHadAnAnswerBeginsAnew) {
  SilentStore silent(store());
  const auto appender = Must(Appender::Open(&silent, SampleIdentity()));
  silent.silent = true;
  for (const uint64_t begin : {0x5000, 0x6000}) {
    Must(appender->AddSegment(Transactions({begin + 16}), {begin + 0x1000}, 1, 150018));
  }
  EXPECT_EQ(appender->PublishPending().error().kind, ErrorKind::kUnavailable);
  EXPECT_TRUE(appender->has_pending());
  EXPECT_EQ(Merge().replaced, 5);
  EXPECT_EQ(appender->PublishPending().error().kind, ErrorKind::kConflict);
  EXPECT_FALSE(appender->has_pending());
  EXPECT_EQ(archive_.Open()->end(), Lsn{0x7000});
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(CompactionTest, AReaderThatListedBeforeIsToldToListAgain) {
  Merge();
  const Error error = OpenListed(*store(), first_).error();
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
  EXPECT_THAT(error.message, HasSubstr("was merged into " + merged_));
  EXPECT_EQ(OpenListed(*store(), SegmentObjectName({0x5000}, {0x6000})).error().kind,
            ErrorKind::kCorrupt);
}

TEST_F(CompactionTest, AGapAndAnotherTimelineAreNeverMergedAcross) {
  const auto appender = archive_.Open();
  Must(appender->AppendGap({0x6000}, "lost", 1, SampleArchive::kServer));
  for (const uint64_t begin : {0x6000, 0x7000, 0x8000, 0x9000}) {
    Must(appender->AppendSegment(Transactions({begin + 16}), {begin + 0x1000},
                                 begin < 0x8000 ? 1 : 2, SampleArchive::kServer));
  }
  const std::string said = Said();
  EXPECT_EQ(Merge().merged, 2);
  EXPECT_THAT(
      Names(),
      ElementsAre(MergedObjectName({0x1000}, {0x5000}), GapObjectName({0x5000}, {0x6000}),
                  MergedObjectName({0x6000}, {0x8000}), SegmentObjectName({0x8000}, {0x9000}),
                  SegmentObjectName({0x9000}, {0xA000})));
  EXPECT_EQ(Said(), said);
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(CompactionTest, DamageIsNotMergedAway) {
  const std::string path = archive_.PathOf(first_);
  std::string bytes = ReadFile(path);
  bytes[bytes.size() - 60] ^= 1;  // of the digest that the trailer states
  WriteFile(path, bytes);
  const auto planned = PlanCompaction(*store(), Must(LoadCatalog(*store())), {});
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(Names().size(), 4);
}

TEST_F(CompactionTest, ASegmentExchangedIsFoundByTheChain) {
  const CompactionPlan plan = Plan();
  const auto reader = Must(OpenListed(*store(), SegmentObjectName({0x2000}, {0x3000})));
  SegmentHeader header = reader->header();
  header.previous_digest = std::string(kDigestBytes, 'x');
  const auto forged = Must(Transactions({}).Finish(header));
  WriteFile(archive_.PathOf(reader->name()), Must(ReadAll(*forged, 1 << 20)));
  const auto merged = Compact(store(), plan, {}, nullptr);
  ASSERT_FALSE(merged);
  EXPECT_THAT(merged.error().message, HasSubstr("does not follow"));
  EXPECT_EQ(Names().size(), 4);
}

TEST_F(CompactionTest, VerifyChecksTheListOfThoseThatItStandsFor) {
  const std::string digest =
      Must(OpenListed(*store(), SegmentObjectName({0x3000}, {0x4000})))->digest();
  Merge();
  const auto reader = Must(OpenListed(*store(), merged_));
  EXPECT_EQ(reader->chain_digest(), digest);
  SegmentHeader header = reader->header();
  header.replaced.back().digest = std::string(kDigestBytes, 'x');
  WriteFile(archive_.PathOf(merged_),
            Must(ReadAll(*Must(Transactions({0x1100}).Finish(header)), 1 << 20)));
  EXPECT_THAT(Found(), ElementsAre(testing::Field(&Finding::object, newest_)));
  header.replaced.back().end = Lsn{0x4FFF};
  WriteFile(archive_.PathOf(merged_),
            Must(ReadAll(*Must(Transactions({0x1100}).Finish(header)), 1 << 20)));
  EXPECT_THAT(Found(), ElementsAre(testing::Field(&Finding::object, merged_)));
}

TEST_F(CompactionTest, TheOriginalsComeOutOfItAgain) {
  Merge();
  const auto reader = Must(OpenListed(*store(), merged_));
  EXPECT_EQ(Must(CountReproduced(*reader, SmallBlocks())), 3);
  SegmentHeader header = reader->header();
  const auto forged = Must(Transactions({0x1100, 0x1908}).Finish(header));
  WriteFile(archive_.PathOf(merged_), Must(ReadAll(*forged, 1 << 20)));
  EXPECT_EQ(Must(CountReproduced(*Must(OpenListed(*store(), merged_)), SmallBlocks())), 0);
}

}  // namespace
}  // namespace trunkline
