#include "archive/appender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "archive/verify.h"
#include "tests/unit/archive/sample_archive.h"

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr uint32_t kTimeline = SampleArchive::kTimeline;
constexpr uint32_t kServer = SampleArchive::kServer;

// A store whose next Puts fail, before or after they did their work.
class FaultyStore : public Store {
 public:
  explicit FaultyStore(Store* store) : store_(store) {}
  std::string url() const override { return store_->url(); }
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) const override {
    return store_->List(prefix);
  }
  Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const override {
    return store_->Open(name);
  }
  Result<void> Put(std::span<const NewObject> objects) override {
    if (refuse_ > 0) {
      --refuse_;
      return Fail(ErrorKind::kUnavailable, "the disk is full");
    }
    TRY(store_->Put(objects));
    if (lose_answer_ > 0) {
      --lose_answer_;
      return Fail(ErrorKind::kUnavailable, "no answer");
    }
    return {};
  }
  Result<void> Remove(std::span<const std::string> names) override { return store_->Remove(names); }

  void RefusePuts(int count) { refuse_ = count; }
  void LoseAnswers(int count) { lose_answer_ = count; }

 private:
  Store* store_;
  int refuse_ = 0;
  int lose_answer_ = 0;
};

class AppenderTest : public testing::Test {
 protected:
  std::vector<std::string> Names(std::string_view prefix = "") {
    std::vector<std::string> names;
    for (const ObjectInfo& object : Must(archive_.store()->List(prefix))) {
      names.push_back(object.name);
    }
    return names;
  }
  SegmentHeader HeaderOf(const std::string& name) {
    return Must(OpenSegment(*archive_.store(), name))->header();
  }
  std::string DigestOf(const std::string& name) {
    return Must(OpenSegment(*archive_.store(), name))->digest();
  }
  Result<void> Append(Appender* appender, std::vector<uint64_t> commits, uint64_t end) {
    return appender->AppendSegment(Transactions(commits), {end}, kTimeline, kServer);
  }

  SampleArchive archive_;
};

TEST_F(AppenderTest, MakesAnArchiveWithItsIdentityFirst) {
  const auto appender = archive_.Open();
  EXPECT_THAT(Names(), ElementsAre("identity"));
  EXPECT_EQ(Must(ReadIdentity(*archive_.store())), SampleIdentity());
  EXPECT_EQ(appender->end(), Lsn{});
  EXPECT_FALSE(appender->has_complete_snapshot());
  EXPECT_EQ(archive_.Open()->end(), Lsn{});
}

TEST_F(AppenderTest, ChainsSegmentsOverRestarts) {
  const auto first = archive_.Open();
  first->set_begin({0x1000});
  ASSERT_TRUE(Append(first.get(), {0x1100}, 0x2000));
  EXPECT_EQ(first->end(), Lsn{0x2000});
  ASSERT_TRUE(Append(first.get(), {}, 0x3000));
  const auto second = archive_.Open();
  EXPECT_EQ(second->end(), Lsn{0x3000});
  ASSERT_TRUE(Append(second.get(), {0x3100}, 0x4000));

  const std::string one = SegmentObjectName({0x1000}, {0x2000});
  const std::string two = SegmentObjectName({0x2000}, {0x3000});
  const std::string three = SegmentObjectName({0x3000}, {0x4000});
  EXPECT_THAT(Names("changes/"), ElementsAre(one, two, three));
  EXPECT_EQ(HeaderOf(one).previous_digest, "");
  EXPECT_EQ(HeaderOf(two).previous_digest, DigestOf(one));
  EXPECT_EQ(HeaderOf(three).previous_digest, DigestOf(two));
  EXPECT_EQ(HeaderOf(three).identity_digest, SampleIdentity().Digest());
  EXPECT_EQ(HeaderOf(three).timeline, kTimeline);
  EXPECT_EQ(HeaderOf(three).server_version, kServer);
}

TEST_F(AppenderTest, TellsWhatItHasAppended) {
  const auto appender = archive_.Open();
  EXPECT_THAT(appender->last_appended(), IsEmpty());
  appender->set_begin({0x1000});
  SegmentWriter writer(SmallBlocks());
  AddTransaction(&writer, 0x1100, 3);
  AddTransaction(&writer, 0x1200);
  ASSERT_TRUE(appender->AppendSegment(std::move(writer), {0x2000}, kTimeline, kServer));
  ASSERT_EQ(appender->last_appended().size(), 1u);
  const AppendedSegment segment = appender->last_appended().front();
  EXPECT_EQ(segment.kind, SegmentKind::kChanges);
  EXPECT_EQ(segment.begin, Lsn{0x1000});
  EXPECT_EQ(segment.end, Lsn{0x2000});
  EXPECT_EQ(segment.transactions, 2u);
  EXPECT_EQ(segment.changes, 4u);
  const auto objects = Must(archive_.store()->List("changes/"));
  EXPECT_EQ(segment.bytes, objects.front().size);
  // Ids of four digits, and "a note".
  EXPECT_THAT(segment.tables, ElementsAre(TableTotals{"public", "orders", 4, 4 * (4 + 6)}));
  ASSERT_TRUE(appender->AppendGap({0x3000}, "lost", kTimeline, kServer));
  ASSERT_EQ(appender->last_appended().size(), 1u);
  EXPECT_EQ(appender->last_appended().front().kind, SegmentKind::kGap);
}

TEST_F(AppenderTest, RefusesAnotherSource) {
  archive_.Fill();
  Identity other = SampleIdentity();
  other.database = "stock";
  const auto appender = Appender::Open(archive_.store(), other);
  ASSERT_FALSE(appender);
  EXPECT_EQ(appender.error().kind, ErrorKind::kWrongSource);
  EXPECT_THAT(appender.error().message, HasSubstr("database is \"shop\" in the archive"));
}

TEST_F(AppenderTest, RefusesAPlaceThatHoldsOtherThings) {
  WriteFile(archive_.PathOf("holiday.jpg"), "x");
  const auto appender = Appender::Open(archive_.store(), SampleIdentity());
  ASSERT_FALSE(appender);
  EXPECT_EQ(appender.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_THAT(Names(), ElementsAre("holiday.jpg"));
}

TEST_F(AppenderTest, RefusesAnArchiveWithoutIdentity) {
  archive_.Fill();
  std::filesystem::remove(archive_.PathOf("identity"));
  EXPECT_EQ(Appender::Open(archive_.store(), SampleIdentity()).error().kind, ErrorKind::kCorrupt);
}

TEST_F(AppenderTest, RefusesALastSegmentThatIsDamagedOrRenamed) {
  archive_.Fill();
  const std::string last = archive_.PathOf(SegmentObjectName({0x4000}, {0x5000}));
  std::filesystem::rename(last, archive_.PathOf(SegmentObjectName({0x4000}, {0x6000})));
  EXPECT_EQ(Appender::Open(archive_.store(), SampleIdentity()).error().kind, ErrorKind::kCorrupt);
  std::filesystem::rename(archive_.PathOf(SegmentObjectName({0x4000}, {0x6000})), last);
  EXPECT_TRUE(Appender::Open(archive_.store(), SampleIdentity()));
  WriteFile(last, ReadFile(last).substr(0, 100));
  EXPECT_EQ(Appender::Open(archive_.store(), SampleIdentity()).error().kind, ErrorKind::kTruncated);
}

TEST_F(AppenderTest, PublishesAgainWhatTheStoreRefused) {
  FaultyStore faulty(archive_.store());
  const auto appender = Must(Appender::Open(&faulty, SampleIdentity()));
  appender->set_begin({0x1000});
  faulty.RefusePuts(2);
  EXPECT_EQ(Append(appender.get(), {0x1100}, 0x2000).error().kind, ErrorKind::kUnavailable);
  EXPECT_TRUE(appender->has_pending());
  EXPECT_EQ(appender->end(), Lsn{});
  EXPECT_FALSE(appender->PublishPending());
  EXPECT_THAT(Names("changes/"), IsEmpty());
  EXPECT_TRUE(appender->PublishPending());
  EXPECT_FALSE(appender->has_pending());
  EXPECT_EQ(appender->end(), Lsn{0x2000});
  EXPECT_TRUE(appender->PublishPending());
  EXPECT_TRUE(Append(appender.get(), {}, 0x3000));
  EXPECT_EQ(Names("changes/").size(), 2);
}

TEST_F(AppenderTest, PublishesWhatWasAddedTogether) {
  FaultyStore store(archive_.store());
  auto appender = Must(Appender::Open(&store, SampleIdentity()));
  appender->set_begin({0x1000});
  const auto add = [&](uint64_t end) {
    Must(appender->AddSegment(Transactions({end - 0x100}), {end}, kTimeline, kServer));
  };
  add(0x2000);
  add(0x3000);
  EXPECT_THAT(Names("changes/"), IsEmpty());
  store.RefusePuts(1);
  EXPECT_FALSE(appender->PublishPending());
  EXPECT_FALSE(appender->end().valid());
  add(0x4000);
  store.LoseAnswers(1);
  EXPECT_FALSE(appender->PublishPending());
  ASSERT_TRUE(appender->PublishPending());
  EXPECT_EQ(appender->end(), Lsn{0x4000});
  add(0x5000);
  ASSERT_TRUE(appender->PublishPending());
  EXPECT_EQ(Names("changes/").size(), 4U);
  EXPECT_THAT(Must(Verify(*archive_.store(), {})).findings, IsEmpty());
}

TEST_F(AppenderTest, PublishesAgainWhenOnlyTheAnswerWasLost) {
  FaultyStore faulty(archive_.store());
  const auto appender = Must(Appender::Open(&faulty, SampleIdentity()));
  appender->set_begin({0x1000});
  faulty.LoseAnswers(1);
  EXPECT_FALSE(Append(appender.get(), {0x1100}, 0x2000));
  EXPECT_EQ(Names("changes/").size(), 1);
  EXPECT_TRUE(appender->PublishPending());
  EXPECT_EQ(appender->end(), Lsn{0x2000});
  EXPECT_EQ(Names("changes/").size(), 1);
}

TEST_F(AppenderTest, SaysThatAnotherWriterWasFirst) {
  archive_.Open();
  const auto first = archive_.Open();
  const auto second = archive_.Open();
  first->set_begin({0x1000});
  second->set_begin({0x1000});
  ASSERT_TRUE(Append(first.get(), {0x1100}, 0x2000));
  EXPECT_TRUE(Append(second.get(), {0x1100}, 0x2000)) << "the same transactions, the same object";
  ASSERT_TRUE(Append(first.get(), {0x2100}, 0x3000));
  const auto rival = Append(second.get(), {0x2200}, 0x3000);
  ASSERT_FALSE(rival);
  EXPECT_EQ(rival.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(rival.error().message, HasSubstr("another daemon has archived what follows 0/2000"));
  EXPECT_EQ(second->end(), Lsn{0x2000});
  EXPECT_FALSE(second->has_pending());
}

TEST_F(AppenderTest, NeverAppendsBesideAnotherWritersSegment) {
  archive_.Open();
  const auto stale = archive_.Open();
  const auto other = archive_.Open();
  stale->set_begin({0x1000});
  other->set_begin({0x1800});
  ASSERT_TRUE(Append(other.get(), {0x1900}, 0x2000));
  EXPECT_EQ(Append(stale.get(), {0x1100}, 0x1400).error().kind, ErrorKind::kConflict)
      << "one beginning has an archive";
  const auto late = archive_.Open();
  ASSERT_TRUE(Append(other.get(), {0x2100}, 0x3000));
  EXPECT_EQ(Append(late.get(), {0x2100}, 0x2800).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(late->AppendGap({0x4000}, "lost", kTimeline, kServer).error().kind,
            ErrorKind::kConflict);
  EXPECT_EQ(Names("changes/").size(), 2);
  ASSERT_TRUE(Append(archive_.Open().get(), {0x3100}, 0x4000)) << "opened anew it goes on";
}

TEST_F(AppenderTest, AppendsNothingWhereTheArchiveIsGone) {
  const auto appender = archive_.Open();
  appender->set_begin({0x1000});
  ASSERT_TRUE(Append(appender.get(), {0x1100}, 0x2000));
  // As when its file system is unmounted: an empty folder is left.
  const std::string root = archive_.PathOf("");
  std::filesystem::rename(root.substr(0, root.size() - 1),
                          root.substr(0, root.size() - 1) + "-away");
  std::filesystem::create_directory(root);
  const auto away = Append(appender.get(), {0x2100}, 0x3000);
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(away.error().ToString(), HasSubstr("mounted"));
  EXPECT_TRUE(std::filesystem::is_empty(root));
  std::filesystem::remove(root);
  std::filesystem::rename(root.substr(0, root.size() - 1) + "-away",
                          root.substr(0, root.size() - 1));
  EXPECT_TRUE(appender->PublishPending());
  EXPECT_EQ(appender->end(), Lsn{0x3000});
}

TEST_F(AppenderTest, RefusesATransactionOutsideOfTheRange) {
  const auto appender = archive_.Open();
  appender->set_begin({0x1000});
  EXPECT_FALSE(Append(appender.get(), {0x2000}, 0x2000));
  EXPECT_FALSE(appender->has_pending());
  EXPECT_THAT(Names("changes/"), IsEmpty());
}

TEST_F(AppenderTest, RecordsAGapWithItsReason) {
  archive_.Fill();
  const auto appender = archive_.Open();
  ASSERT_TRUE(appender->AppendGap({0x9000}, "slot lost", 2, kServer));
  const SegmentHeader header = HeaderOf(GapObjectName({0x5000}, {0x9000}));
  EXPECT_EQ(header.kind, SegmentKind::kGap);
  EXPECT_EQ(header.gap_reason, "slot lost");
  EXPECT_EQ(header.timeline, 2);
  EXPECT_EQ(header.previous_digest, DigestOf(SegmentObjectName({0x4000}, {0x5000})));
  EXPECT_EQ(archive_.Open()->end(), Lsn{0x9000});
}

TEST_F(AppenderTest, AGapAsksForANewSnapshot) {
  archive_.Fill();
  const auto appender = archive_.Open();
  EXPECT_TRUE(appender->has_complete_snapshot());
  ASSERT_TRUE(appender->AppendGap({0x9000}, "slot lost", kTimeline, kServer));
  EXPECT_FALSE(appender->has_complete_snapshot());
  EXPECT_FALSE(archive_.Open()->has_complete_snapshot());
  SampleArchive::TakeSnapshot(appender.get(), {0x9000});
  EXPECT_TRUE(appender->has_complete_snapshot());
  EXPECT_TRUE(archive_.Open()->has_complete_snapshot());
}

TEST_F(AppenderTest, ASnapshotReachesBackToItsOldestPart) {
  auto appender = archive_.Open();
  EXPECT_FALSE(appender->snapshot_reaches_back_to().valid());
  std::vector<SnapshotPart> parts = SampleArchive::PutParts(appender.get(), {0x1800});
  parts.pop_back();
  const Relation empty = Table("empty", 16385);
  parts.push_back(Must(appender->PutSnapshotPart(Rows({0x1900}, empty, 0), {0x1900}, empty, 0)));
  ASSERT_TRUE(
      appender->CompleteSnapshot({0x1900}, parts, SampleArchive::kDefinition, kTimeline, kServer));
  EXPECT_EQ(appender->snapshot_reaches_back_to(), Lsn{0x1800});
  appender = archive_.Open();
  EXPECT_EQ(appender->snapshot_reaches_back_to(), Lsn{0x1800});
  EXPECT_EQ(appender->newest_snapshot(), Lsn{0x1900});
  appender->set_begin({0x1800});
  ASSERT_TRUE(appender->AppendGap({0x1900}, "slot lost", kTimeline, kServer));
  EXPECT_FALSE(appender->has_complete_snapshot());
  EXPECT_FALSE(archive_.Open()->has_complete_snapshot());
}

TEST_F(AppenderTest, ASnapshotCountsOnceItIsComplete) {
  const auto appender = archive_.Open();
  std::vector<SnapshotPart> parts = SampleArchive::PutParts(appender.get(), {0x1800});
  EXPECT_EQ(parts[0].rows, 5);
  EXPECT_EQ(parts[0].digest, DigestOf(parts[0].name));
  EXPECT_FALSE(archive_.Open()->has_complete_snapshot());
  std::swap(parts[0], parts[2]);
  ASSERT_TRUE(appender->CompleteSnapshot({0x1800}, parts, "{}", kTimeline, kServer));
  EXPECT_TRUE(archive_.Open()->has_complete_snapshot());
  std::swap(parts[0], parts[1]);
  EXPECT_TRUE(appender->CompleteSnapshot({0x1800}, parts, "{}", kTimeline, kServer));
  EXPECT_EQ(HeaderOf(SnapshotManifestName({0x1800})).parts.size(), 3);
}

TEST_F(AppenderTest, TakesPartsFromManyThreads) {
  const auto appender = archive_.Open();
  std::vector<std::jthread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&appender, t] {
      const Relation orders = Table("orders");
      for (uint32_t part = 0; part < 5; ++part) {
        Must(appender->PutSnapshotPart(Rows({0x1800}, orders, 3), {0x1800}, orders, t * 5 + part));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(Names("snapshots/").size(), 20);
}

// Its file system is not mounted for a while, say: nothing goes underneath.
TEST_F(AppenderTest, TakesNoSnapshotWhereTheArchiveIsGone) {
  const auto appender = archive_.Open();
  Must(archive_.store()->Remove(std::vector<std::string>{"identity"}));
  const auto part = appender->PutSnapshotPart(Transactions({50}), Lsn{50}, Relation{}, 0);
  ASSERT_FALSE(part);
  EXPECT_EQ(part.error().kind, ErrorKind::kUnavailable);
  const auto complete = appender->CompleteSnapshot(Lsn{50}, {}, "{}", kTimeline, kServer);
  ASSERT_FALSE(complete);
  EXPECT_EQ(complete.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(AppenderTest, RemovesOnlyIncompleteSnapshots) {
  archive_.Fill();
  const auto appender = archive_.Open();
  SampleArchive::PutParts(appender.get(), {0x1900});
  const auto before = Names("snapshots/0000000000001800/");
  ASSERT_TRUE(appender->RemoveIncompleteSnapshots());
  EXPECT_EQ(Names("snapshots/"), before);
  EXPECT_TRUE(appender->RemoveIncompleteSnapshots());
}

// Two tables at `lsn`, one of which is whole.
void PutHalf(Appender* appender, Lsn lsn) {
  Must(appender->PutSnapshotDefinition(lsn, "{}", "state", 1, 150018));
  std::vector<SnapshotPart> parts = SampleArchive::PutParts(appender, lsn);
  parts.pop_back();
  Must(appender->CompleteTable(lsn, parts, {}, 1, 150018));
}

TEST_F(AppenderTest, KeepsTablesThatAreWhole) {
  const auto appender = archive_.Open();
  PutHalf(appender.get(), {0x1900});
  Must(appender->PutSnapshotDefinition({0x1A00}, "{}", "", kTimeline, kServer));
  ASSERT_TRUE(appender->RemoveIncompleteSnapshots());
  EXPECT_THAT(Names("snapshots/"), ElementsAre(SnapshotDefinitionName({0x1900}),
                                               SnapshotPartName({0x1900}, "public", "orders", 0),
                                               SnapshotPartName({0x1900}, "public", "orders", 1),
                                               TableManifestName({0x1900}, "public", "orders")));
  const SegmentHeader header = HeaderOf(TableManifestName({0x1900}, "public", "orders"));
  EXPECT_EQ(header.kind, SegmentKind::kTable);
  EXPECT_EQ(header.parts.size(), 2);
  EXPECT_EQ(HeaderOf(SnapshotDefinitionName({0x1900})).publication_state, "state");
  EXPECT_FALSE(archive_.Open()->has_complete_snapshot());
}

TEST_F(AppenderTest, KeepsPagesOfTablesThatAreNotWhole) {
  const auto appender = archive_.Open();
  Must(appender->PutSnapshotDefinition({0x1900}, "{}", "state", 1, kServer));
  std::vector<SnapshotPart> parts = SampleArchive::PutParts(appender.get(), {0x1900});
  parts.pop_back();
  const CopiedPages pages{
      .begin = 128, .end = 0, .file_node = 16390, .snapshot_xmin = 5'000'000'000};
  const std::string name = Must(appender->KeepPages({0x1900}, {parts[1]}, pages, 1, kServer));
  EXPECT_EQ(name, PagesManifestName({0x1900}, "public", "orders", 128));
  ASSERT_TRUE(appender->RemoveIncompleteSnapshots());
  EXPECT_THAT(Names("snapshots/"),
              UnorderedElementsAre(SnapshotDefinitionName({0x1900}), parts[1].name, name));
  const SegmentHeader header = HeaderOf(name);
  EXPECT_EQ(header.kind, SegmentKind::kPages);
  EXPECT_EQ(header.pages, pages);

  // Another try takes them up; what it has kept itself is of no use once the table is whole.
  Must(appender->PutSnapshotDefinition({0x1A00}, "{}", "state", 1, kServer));
  std::vector<SnapshotPart> rest = SampleArchive::PutParts(appender.get(), {0x1A00});
  rest.pop_back();
  const std::string kept = Must(appender->KeepPages({0x1A00}, {rest[0]}, {}, 1, kServer));
  rest.push_back(parts[1]);
  Must(appender->CompleteTable({0x1A00}, rest, {kept}, 1, kServer));
  ASSERT_TRUE(appender->RemoveIncompleteSnapshots());
  EXPECT_THAT(Names("snapshots/"),
              UnorderedElementsAre(SnapshotDefinitionName({0x1900}), parts[1].name, name,
                                   SnapshotDefinitionName({0x1A00}), rest[0].name, rest[1].name,
                                   TableManifestName({0x1A00}, "public", "orders")));
}

TEST_F(AppenderTest, ATableIsNotCompletedWithoutItsParts) {
  const auto appender = archive_.Open();
  std::vector<SnapshotPart> parts = SampleArchive::PutParts(appender.get(), {0x1900});
  parts.pop_back();
  ASSERT_TRUE(appender->RemoveIncompleteSnapshots());  // as another daemon does
  const Result<void> completed = appender->CompleteTable({0x1900}, parts, {}, kTimeline, kServer);
  ASSERT_FALSE(completed);
  EXPECT_EQ(completed.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(Names("snapshots/"), IsEmpty());
}

TEST_F(AppenderTest, RemovesSnapshotsOfAHistoryThatWasLeft) {
  archive_.Fill();
  const auto appender = archive_.Open();
  PutHalf(appender.get(), {0x4800});
  PutHalf(appender.get(), {0x6000});
  SampleArchive::TakeSnapshot(appender.get(), {0x7000});
  const auto count = Names("snapshots/").size();
  ASSERT_TRUE(appender->RemoveSnapshotsAfter({0x5000}));
  EXPECT_EQ(appender->newest_snapshot(), Lsn{0x1800});
  EXPECT_THAT(Names("snapshots/0000000000006000/"), IsEmpty());
  EXPECT_THAT(Names("snapshots/0000000000007000/"), IsEmpty());
  EXPECT_EQ(Names("snapshots/").size(), count - 5 - 4);
  EXPECT_EQ(archive_.Open()->newest_snapshot(), Lsn{0x1800});
}

TEST_F(AppenderTest, IsUnbrokenFromItsBeginningOrItsLastGap) {
  archive_.Fill();
  const auto appender = archive_.Open();
  EXPECT_EQ(appender->unbroken_from(), Lsn{0x1000});
  ASSERT_TRUE(appender->AppendGap({0x9000}, "slot lost", kTimeline, kServer));
  EXPECT_EQ(appender->unbroken_from(), Lsn{0x9000});
  EXPECT_EQ(archive_.Open()->unbroken_from(), Lsn{0x9000});
}

using AppenderDeathTest = AppenderTest;

TEST_F(AppenderDeathTest, ItsInvariantsAreChecked) {
  const auto appender = archive_.Open();
  EXPECT_DEATH(static_cast<void>(Append(appender.get(), {}, 0x2000)), "begin");
  appender->set_begin({0x1000});
  EXPECT_DEATH(static_cast<void>(Append(appender.get(), {}, 0x1000)), "end");
  ASSERT_TRUE(Append(appender.get(), {}, 0x2000));
  EXPECT_DEATH(appender->set_begin({0x3000}), "end_");
}

}  // namespace
}  // namespace trunkline
