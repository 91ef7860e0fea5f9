#include "replay/archive_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/archive/sample_archive.h"

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ArchiveSummary Summary(SampleArchive* archive) {
  return Must(SummarizeArchive(*archive->store(), nullptr));
}

// A transaction that holds one message; xid 0 makes it one that stands alone.
void AddMessage(SegmentWriter* writer, uint32_t xid, uint64_t lsn, std::string_view prefix,
                std::string_view content) {
  TransactionInfo transaction = TransactionAt(lsn);
  transaction.xid = {xid};
  Must(writer->Begin(transaction));
  Change change;
  change.operation = Operation::kMessage;
  change.prefix = prefix;
  change.content = content;
  change.message_lsn = {lsn};
  change.transactional = xid != 0;
  Must(writer->OnChange(change));
  transaction.end_lsn = {lsn};
  Must(writer->Commit(transaction));
}

TEST(ArchiveSummaryTest, ANewArchiveIsEmpty) {
  SampleArchive archive;
  EXPECT_EQ(SummarizeArchive(*archive.store(), nullptr).error().kind, ErrorKind::kNotFound);
  archive.Open();
  const ArchiveSummary summary = Summary(&archive);
  EXPECT_EQ(summary.catalog.identity, SampleIdentity());
  EXPECT_FALSE(summary.first);
  EXPECT_FALSE(summary.last);
  EXPECT_THAT(summary.tables, IsEmpty());
}

TEST(ArchiveSummaryTest, CountsWhatIsThere) {
  SampleArchive archive;
  archive.Fill();
  uint64_t done = 0;
  uint64_t total = 0;
  const ArchiveSummary summary =
      Must(SummarizeArchive(*archive.store(), [&](uint64_t bytes, uint64_t of) {
        done = bytes;
        total = of;
      }));
  EXPECT_EQ(summary.transactions, 6);
  EXPECT_EQ(summary.changes, 9);
  EXPECT_EQ(summary.begin, Lsn{0x1000});
  EXPECT_EQ(summary.first->commit_lsn, Lsn{0x1100});
  EXPECT_EQ(summary.last->commit_lsn, Lsn{0x4100});
  EXPECT_EQ(summary.last->commit_time, TransactionAt(0x4100).commit_time);
  ASSERT_EQ(summary.tables.size(), 2);
  EXPECT_EQ(summary.tables.at({"public", "orders"}).inserts, 9);
  EXPECT_EQ(summary.tables.at({"public", "orders"}).snapshot_rows, 8);
  EXPECT_EQ(summary.tables.at({"public", "empty"}).snapshot_rows, 0);
  EXPECT_EQ(summary.bytes, summary.segment_bytes + summary.snapshot_bytes);
  EXPECT_EQ(done, total);
  EXPECT_EQ(total, summary.segment_bytes);
}

TEST(ArchiveSummaryTest, FindsRestorePointsAmongMessages) {
  SampleArchive archive;
  const auto appender = archive.Open();
  appender->set_begin({0x1000});
  SegmentWriter writer(SmallBlocks());
  AddMessage(&writer, 0, 0x1100, "trunkline.restore_point", "stands alone, so no instant");
  AddTransaction(&writer, 0x1200);
  AddMessage(&writer, 77, 0x1300, "trunkline.restore_point", "before-sale");
  AddMessage(&writer, 78, 0x1400, "other", "no point");
  AddMessage(&writer, 0, 0x1500, "other", "stands alone");
  Must(appender->AppendSegment(std::move(writer), {0x2000}, 1, 150018));

  const ArchiveSummary summary = Summary(&archive);
  ASSERT_EQ(summary.restore_points.size(), 1);
  EXPECT_EQ(summary.restore_points[0].name, "before-sale");
  EXPECT_EQ(summary.restore_points[0].transaction.commit_lsn, Lsn{0x1300});
  EXPECT_EQ(summary.first->commit_lsn, Lsn{0x1200});
  EXPECT_EQ(summary.last->commit_lsn, Lsn{0x1400});
}

TEST(ArchiveSummaryTest, NamesGaps) {
  SampleArchive archive;
  archive.Fill();
  Must(archive.Open()->AppendGap({0x9000}, "the slot was lost", 1, 150018));
  const ArchiveSummary summary = Summary(&archive);
  ASSERT_EQ(summary.gaps.size(), 1);
  EXPECT_EQ(summary.gaps[0].begin, Lsn{0x5000});
  EXPECT_EQ(summary.gaps[0].end, Lsn{0x9000});
  EXPECT_EQ(summary.gaps[0].reason, "the slot was lost");
  EXPECT_EQ(summary.last->commit_lsn, Lsn{0x4100});
}

TEST(ArchiveSummaryTest, SaysHowFarTheEndIsFromTheSnapshot) {
  SampleArchive archive;
  archive.Fill();
  Distance distance = *Summary(&archive).distance;
  EXPECT_EQ(distance.snapshot, Lsn{0x1800});
  EXPECT_EQ(distance.segments, 4);
  EXPECT_EQ(distance.changes, 9);  // those of the block across the snapshot's LSN as well
  EXPECT_FALSE(distance.gap);
  SampleArchive::TakeSnapshot(archive.Open().get(), {0x4000});
  distance = *Summary(&archive).distance;
  EXPECT_EQ(distance.snapshot, Lsn{0x4000});
  EXPECT_EQ(distance.segments, 1);
  EXPECT_EQ(distance.changes, 4);
  Must(archive.Open()->AppendGap({0x9000}, "lost", 1, 150018));
  EXPECT_TRUE(Summary(&archive).distance->gap);
}

TEST(ArchiveSummaryTest, NotesEachTimelineAndVersionOfTheServer) {
  SampleArchive archive;
  archive.Fill();
  Must(archive.Open()->AppendSegment(Transactions({0x5100}), {0x6000}, 2, 160004));
  Must(archive.Open()->AppendSegment(Transactions({0x6100}), {0x7000}, 2, 160004));
  const ArchiveSummary summary = Summary(&archive);
  ASSERT_EQ(summary.servers.size(), 2);
  EXPECT_EQ(summary.servers[0].from, Lsn{0x1000});
  EXPECT_EQ(summary.servers[0].server_version, 150018);
  EXPECT_EQ(summary.servers[1].from, Lsn{0x5000});
  EXPECT_EQ(summary.servers[1].timeline, 2);
}

TEST(ArchiveSummaryTest, SaysWhatEachTableTakesAndWhenSnapshotsWereTaken) {
  SampleArchive archive;
  archive.Fill();
  const ArchiveSummary summary = Summary(&archive);
  const TableCounts& orders = summary.tables.at({"public", "orders"});
  const TableCounts& empty = summary.tables.at({"public", "empty"});
  EXPECT_GT(orders.change_bytes, 0);
  EXPECT_LT(orders.change_bytes, summary.segment_bytes);
  EXPECT_EQ(empty.change_bytes, 0);
  EXPECT_GT(orders.snapshot_bytes, empty.snapshot_bytes);
  EXPECT_LT(orders.snapshot_bytes + empty.snapshot_bytes, summary.snapshot_bytes);  // and manifest
  const SnapshotTimes& times = summary.snapshot_times.at({0x1800});
  EXPECT_FALSE(times.noted);
  EXPECT_EQ(times.commits.after, TransactionAt(0x1100).commit_time);
  EXPECT_EQ(times.commits.before, TransactionAt(0x1900).commit_time);
}

BlockStats BlockBetween(uint64_t lsn, int64_t first_second, int64_t last_second, uint64_t changes) {
  BlockStats block;
  block.commit_lsn_min = {lsn};
  block.commit_lsn_max = {lsn + 10};
  block.commit_time_min = {first_second * 1'000'000};
  block.commit_time_max = {last_second * 1'000'000};
  block.changes = changes;
  block.size = 10 * changes;
  return block;
}

TEST(ActivityMeterTest, ABlockAcrossTheBeginningCountsByItsShare) {
  ActivityMeter meter;
  EXPECT_FALSE(meter.OverSpan());
  meter.Add(BlockBetween(100, 1000, 1100, 50));
  meter.Add(BlockBetween(200, 1100, 1200, 100));
  meter.Add(BlockBetween(300, 0, 0, 7));  // messages outside of transactions
  EXPECT_EQ(meter.OverSpan(), (Activity{std::chrono::seconds(200), 150, 1500}));
  EXPECT_EQ(meter.Recently(std::chrono::seconds(120)),
            (Activity{std::chrono::seconds(120), 110, 1100}));
  EXPECT_EQ(meter.Recently(std::chrono::hours(24)), meter.OverSpan());
}

TEST(ActivityMeterTest, OneInstantIsNoTime) {
  ActivityMeter meter;
  meter.Add(BlockBetween(100, 1000, 1000, 50));
  EXPECT_FALSE(meter.OverSpan());
  EXPECT_FALSE(meter.Recently(std::chrono::hours(24)));
}

TEST(ArchiveSummaryTest, SaysWhichSegmentIsDamaged) {
  SampleArchive archive;
  archive.Fill();
  const std::string name = SegmentObjectName({0x3000}, {0x4000});
  WriteFile(archive.PathOf(name), ReadFile(archive.PathOf(name)).substr(0, 40));
  const auto summary = SummarizeArchive(*archive.store(), nullptr);
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().kind, ErrorKind::kTruncated);
  EXPECT_THAT(summary.error().message, testing::HasSubstr(name));
}

}  // namespace
}  // namespace trunkline
