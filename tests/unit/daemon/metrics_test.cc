#include "daemon/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "daemon/health.h"
#include "daemon/metrics_text.h"

namespace trunkline {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Clock = Metrics::Clock;

class MetricsTest : public testing::Test {
 protected:
  // A turn of the loop in which the source was heard.
  void Turn(uint64_t received, std::optional<Timestamp> oldest = std::nullopt) {
    metrics_.NoteTurn({.received = Lsn{received}, .heard = true, .oldest_commit = oldest},
                      Clock::now());
  }
  double LagSeconds() { return metrics_.Read().lag_seconds; }
  static Timestamp Ago(seconds time) {
    return {Timestamp::Now().micros - time.count() * 1'000'000};
  }
  static AppendedSegment Segment(std::vector<TableTotals> tables) {
    return {.begin = Lsn{1},
            .end = Lsn{2},
            .bytes = 10,
            .transactions = 2,
            .changes = 3,
            .tables = std::move(tables)};
  }
  std::string Text() { return FormatMetrics(metrics_.Read()); }

  Metrics metrics_;
};

TEST_F(MetricsTest, LagIsWhatTheArchiveLacksOfTheSource) {
  metrics_.NoteDurable(Lsn{1000});
  metrics_.StreamStarted(Lsn{1000});
  Turn(1500);
  EXPECT_EQ(metrics_.Read().lag_bytes, 500u);
  metrics_.NoteSlot(Lsn{4000}, 7, std::nullopt);
  EXPECT_EQ(metrics_.Read().lag_bytes, 3000u);
  metrics_.NoteDurable(Lsn{5000});
  EXPECT_EQ(metrics_.Read().lag_bytes, 0u);
  EXPECT_EQ(metrics_.Read().archived, Lsn{5000});
}

TEST_F(MetricsTest, LagInSecondsIsTheAgeOfTheOldestCommitNotArchived) {
  metrics_.StreamStarted(Lsn{1000});
  Turn(1000);
  EXPECT_EQ(LagSeconds(), 0);
  Turn(1100, Ago(seconds(50)));
  EXPECT_NEAR(LagSeconds(), 50, 5);
  metrics_.NoteSubmitted(Lsn{1100}, Ago(seconds(50)));
  Turn(1200, Ago(seconds(20)));
  EXPECT_NEAR(LagSeconds(), 50, 5);
  metrics_.NoteDurable(Lsn{1100});
  EXPECT_NEAR(LagSeconds(), 20, 5);
  metrics_.NoteSubmitted(Lsn{1200}, Ago(seconds(20)));
  Turn(1200);
  EXPECT_NEAR(LagSeconds(), 20, 5);
  metrics_.NoteDurable(Lsn{1200});
  EXPECT_EQ(LagSeconds(), 0);
}

TEST_F(MetricsTest, WhileTheSourceIsAwayTheLagGrows) {
  metrics_.StreamStarted(Lsn{1000});
  Turn(1000);
  metrics_.StreamEnded();
  const Timestamp later{Timestamp::Now().micros + 60'000'000};
  EXPECT_NEAR(metrics_.Read(Clock::now(), later).lag_seconds, 60, 5);
  // Not before it is heard of again is it known to have nothing more.
  metrics_.StreamStarted(Lsn{1000});
  EXPECT_NEAR(metrics_.Read(Clock::now(), later).lag_seconds, 60, 5);
  Turn(1000);
  EXPECT_EQ(metrics_.Read(Clock::now(), later).lag_seconds, 0);
}

TEST_F(MetricsTest, ASourceFarAheadThatSaysNothingIsALag) {
  metrics_.StreamStarted(Lsn{1000});
  metrics_.NoteSlot(Lsn{1000 + (64 << 20)}, 0, std::nullopt);
  Turn(1000);
  const Timestamp later{Timestamp::Now().micros + 60'000'000};
  EXPECT_NEAR(metrics_.Read(Clock::now(), later).lag_seconds, 60, 5);
}

TEST_F(MetricsTest, WhatWasNotArchivedWhenTheStreamBrokeComesAgain) {
  metrics_.StreamStarted(Lsn{1000});
  metrics_.NoteSubmitted(Lsn{1100}, Ago(seconds(500)));
  metrics_.StreamEnded();
  metrics_.StreamStarted(Lsn{1000});
  Turn(1000);
  EXPECT_EQ(LagSeconds(), 0);
}

TEST_F(MetricsTest, WhatIsSpooledIsNotArchived) {
  metrics_.SetSpooled(true);
  metrics_.NoteArchived(Lsn{1000});
  metrics_.NoteDurable(Lsn{2000});
  EXPECT_EQ(metrics_.Read().archived, Lsn{1000});
  metrics_.NoteArchived(Lsn{2000});
  EXPECT_EQ(metrics_.Read().archived, Lsn{2000});
}

TEST_F(MetricsTest, SegmentsAddUpAndAGapIsNone) {
  metrics_.NoteAppended({Segment({{"public", "t", 2, 20}})}, milliseconds(30));
  metrics_.NoteAppended({Segment({{"public", "t", 1, 10}, {"s", "u", 5, 50}})}, minutes(2));
  AppendedSegment gap;
  gap.kind = SegmentKind::kGap;
  metrics_.NoteAppended({gap}, {});
  const MetricsReading reading = metrics_.Read();
  EXPECT_EQ(reading.segments, 2u);
  EXPECT_EQ(reading.transactions, 4u);
  EXPECT_EQ(reading.changes, 6u);
  EXPECT_EQ(reading.segment_bytes, 20u);
  EXPECT_EQ(reading.gaps, 1u);
  EXPECT_THAT(reading.tables, testing::ElementsAre(TableTotals{"public", "t", 3, 30},
                                                   TableTotals{"s", "u", 5, 50}));
  EXPECT_EQ(reading.publish.count, 2u);
  EXPECT_NEAR(reading.publish.sum_seconds, 120.03, 0.001);
  EXPECT_THAT(Text(), AllOf(HasSubstr("trunkline_publish_seconds_bucket{le=\"0.025\"} 0\n"),
                            HasSubstr("trunkline_publish_seconds_bucket{le=\"0.05\"} 1\n"),
                            HasSubstr("trunkline_publish_seconds_bucket{le=\"60\"} 1\n"),
                            HasSubstr("trunkline_publish_seconds_bucket{le=\"+Inf\"} 2\n")));
}

TEST_F(MetricsTest, ManyTablesShareFigures) {
  std::vector<TableTotals> tables;
  for (int i = 0; i < 1000; ++i) tables.push_back({"public", "t" + std::to_string(i), 1, 10});
  metrics_.NoteAppended({Segment(tables)}, {});
  metrics_.NoteAppended({Segment(tables)}, {});
  const MetricsReading reading = metrics_.Read();
  EXPECT_EQ(reading.tables.size(), Metrics::kTables + 1);
  uint64_t changes = 0;
  for (const TableTotals& table : reading.tables) changes += table.changes;
  EXPECT_EQ(changes, 2000u);
  EXPECT_THAT(Text(), HasSubstr("{schema=\"(other)\",table=\"(other)\"} 1800\n"));
}

TEST_F(MetricsTest, NamesCannotBreakTheFormat) {
  metrics_.NoteAppended({Segment({{"public", "a\"} 1\nb\\", 1, 1}})}, {});
  EXPECT_THAT(Text(), HasSubstr(R"(table="a\"} 1\nb\\"} 1)"));
}

TEST_F(MetricsTest, ALoopThatDoesNotComeRoundIsUnhealthy) {
  EXPECT_TRUE(JudgeHealth(metrics_.Read()).good);
  metrics_.StreamStarted(Lsn{1000});
  Turn(1000);
  const Clock::time_point now = Clock::now();
  const auto at = [&](seconds later) { return metrics_.Read(now + later, Timestamp::Now()); };
  EXPECT_TRUE(JudgeHealth(at(seconds(55))).good);
  EXPECT_FALSE(JudgeHealth(at(seconds(65))).good);
  EXPECT_THAT(JudgeHealth(at(seconds(90))).text, HasSubstr("for "));
  EXPECT_FALSE(JudgeReadiness(at(seconds(65))).good);
  Turn(1000);
  EXPECT_TRUE(JudgeHealth(at(seconds(55))).good);
  // Between two streams it is not expected.
  metrics_.StreamEnded();
  EXPECT_TRUE(JudgeHealth(at(seconds(1000))).good);
}

TEST_F(MetricsTest, ReadyIsWhoeverDoesItsWork) {
  EXPECT_FALSE(JudgeReadiness(metrics_.Read()).good);
  for (const Activity activity : {Activity::kSnapshot, Activity::kStreaming, Activity::kStandby}) {
    metrics_.SetActivity(activity);
    EXPECT_TRUE(JudgeReadiness(metrics_.Read()).good) << ToString(activity);
  }
  metrics_.SetActivity(Activity::kReconnecting);
  EXPECT_FALSE(JudgeReadiness(metrics_.Read()).good);
  EXPECT_TRUE(JudgeHealth(metrics_.Read()).good);
  metrics_.SetActivity(Activity::kStopping);
  metrics_.SetActivity(Activity::kStreaming);  // a stop is final
  EXPECT_FALSE(JudgeReadiness(metrics_.Read()).good);
}

TEST_F(MetricsTest, AStoreThatRefusesOrHangsIsAway) {
  metrics_.StreamStarted(Lsn{1000});
  const Clock::time_point now = Clock::now();
  metrics_.StoreCalled(now);
  EXPECT_FALSE(metrics_.Read(now + seconds(20), Timestamp::Now()).archive_away);
  EXPECT_TRUE(metrics_.Read(now + seconds(40), Timestamp::Now()).archive_away);
  metrics_.StoreReturned(/*failed=*/true);
  EXPECT_TRUE(metrics_.Read().archive_away);
  EXPECT_FALSE(JudgeReadiness(metrics_.Read()).good);
  EXPECT_TRUE(JudgeHealth(metrics_.Read()).good);
  EXPECT_THAT(Text(), HasSubstr("trunkline_archive_up 0\n"));
  metrics_.StoreReturned(/*failed=*/false);
  EXPECT_TRUE(JudgeReadiness(metrics_.Read()).good);
  EXPECT_THAT(Text(), HasSubstr("trunkline_archive_up 1\n"));
}

TEST_F(MetricsTest, TheTextHasTheFigures) {
  metrics_.StreamStarted(Lsn{0x16B374D848});
  metrics_.NoteDurable(Lsn{0x16B374D848});
  metrics_.NoteError(ErrorArea::kArchive, ErrorKind::kDenied);
  metrics_.NoteSnapshot({.tables = 5, .tables_done = 2, .rows = 3, .bytes = 4});
  EXPECT_THAT(Text(),
              AllOf(HasSubstr("trunkline_archived_lsn 97500059720\n"),  // no exponent
                    HasSubstr("trunkline_state{state=\"streaming\"} 1\n"),
                    HasSubstr("trunkline_state{state=\"standby\"} 0\n"),
                    HasSubstr("trunkline_errors_total{area=\"archive\",kind=\"denied\"} 1\n"),
                    HasSubstr("trunkline_snapshot_tables_done 2\n"),
                    HasSubstr("# TYPE trunkline_publish_seconds histogram\n")));
  EXPECT_THAT(Text(), Not(HasSubstr("trunkline_slot_safe_bytes")));
  metrics_.NoteSlot(Lsn{1}, 2, 3);
  EXPECT_THAT(Text(), HasSubstr("trunkline_slot_safe_bytes 3\n"));
}

TEST_F(MetricsTest, AnyThreadMayReportAndRead) {
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([this, i] {
        for (uint64_t j = 0; j < 500; ++j) {
          Turn(j, Timestamp::Now());
          metrics_.NoteSubmitted(Lsn{j}, Timestamp::Now());
          metrics_.NoteDurable(Lsn{j});
          metrics_.NoteAppended({Segment({{"public", std::to_string(i), 1, 1}})}, {});
          if (j % 100 != 0) continue;
          EXPECT_THAT(Text(), HasSubstr("trunkline_state"));
        }
      });
    }
  }
  EXPECT_EQ(metrics_.Read().segments, 2000u);
}

}  // namespace
}  // namespace trunkline
