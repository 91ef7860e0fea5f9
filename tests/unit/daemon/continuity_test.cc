#include "daemon/continuity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline {
namespace {

using ::testing::HasSubstr;

constexpr Lsn kEnd{0x5000};

class ContinuityTest : public ::testing::Test {
 protected:
  ContinuityTest() {
    source_.timeline = 3;
    source_.written = Lsn{0x9000};
    slot_.emplace();
    slot_->wal_status = "reserved";
    slot_->confirmed_flush = Lsn{0x4000};
  }
  Result<std::optional<Gap>> Find() const {
    return FindGap({.end = kEnd, .complete_to = complete_to_, .timeline = archive_timeline_},
                   source_, history_, slot_);
  }
  // The gap's reason; empty when there is none.
  std::string Reason() const {
    const Result<std::optional<Gap>> gap = Find();
    EXPECT_TRUE(gap) << gap.error().ToString();
    return gap && gap->has_value() ? (*gap)->reason : std::string();
  }
  bool Diverged() const {
    const Result<std::optional<Gap>> gap = Find();
    return gap && gap->has_value() && (*gap)->diverged;
  }

  Lsn complete_to_ = kEnd;
  uint32_t archive_timeline_ = 3;
  Source source_;
  TimelineHistory history_ = {{1, Lsn{0x2000}}, {2, Lsn{0x6000}}};
  std::optional<SlotInfo> slot_;
};

TEST_F(ContinuityTest, ASlotUpToTheEndBringsTheArchiveOn) {
  EXPECT_EQ(Reason(), "");
  slot_->confirmed_flush = kEnd;
  EXPECT_EQ(Reason(), "");
  source_.written = kEnd;
  EXPECT_EQ(Reason(), "");
}

TEST_F(ContinuityTest, ASlotThatIsGoneLostOrAheadIsAGap) {
  slot_->confirmed_flush = Lsn{kEnd.value + 1};
  EXPECT_THAT(Reason(), HasSubstr("made anew or moved on: it began at 0/5001"));
  slot_->wal_status = "lost";
  EXPECT_THAT(Reason(), HasSubstr("lost its WAL"));
  slot_.reset();
  EXPECT_THAT(Reason(), HasSubstr("was gone"));
  EXPECT_FALSE(Diverged());
}

TEST_F(ContinuityTest, ASlotUpToTheEndBringsNothingOnThatNeedsEarlierChanges) {
  complete_to_ = Lsn{0x4800};
  EXPECT_EQ(Reason(), "");
  slot_->confirmed_flush = kEnd;
  EXPECT_THAT(Reason(), HasSubstr("made anew or moved on: it began at 0/5000"));
}

TEST_F(ContinuityTest, AnAncestorsArchiveGoesOnUpToTheSwitch) {
  archive_timeline_ = 2;
  EXPECT_EQ(Reason(), "");
  history_[1].end = kEnd;
  EXPECT_EQ(Reason(), "");
  slot_.reset();
  EXPECT_THAT(Reason(), HasSubstr("was gone"));
}

TEST_F(ContinuityTest, AnArchivePastTheSwitchHasDiverged) {
  archive_timeline_ = 2;
  history_[1].end = Lsn{kEnd.value - 1};
  source_.written = history_[1].end;  // it has not come to the archive's end yet
  EXPECT_TRUE(Diverged());
  EXPECT_THAT(Reason(), HasSubstr("ends at 0/5000 on timeline 2, which the source left at 0/4FFF "
                                  "for timeline 3"));
  archive_timeline_ = 1;
  EXPECT_TRUE(Diverged());
}

TEST_F(ContinuityTest, ATimelineOfAnotherBranchHasDiverged) {
  archive_timeline_ = 2;
  history_ = {{1, Lsn{0x8000}}};
  EXPECT_TRUE(Diverged());
  EXPECT_THAT(Reason(), HasSubstr("no ancestor of timeline 3"));
}

TEST_F(ContinuityTest, ASourceBehindTheArchiveIsAnotherOne) {
  source_.written = Lsn{kEnd.value - 1};
  EXPECT_EQ(Find().error().kind, ErrorKind::kWrongSource);
  source_.in_recovery = true;
  EXPECT_EQ(Find().error().kind, ErrorKind::kUnavailable) << "a standby catches up";
  source_.in_recovery = false;
  source_.written = Lsn{0x9000};
  archive_timeline_ = 4;
  EXPECT_EQ(Find().error().kind, ErrorKind::kWrongSource);
}

TEST(TimelineHistory, ReadsWhatPostgresWrites) {
  const auto history = ParseTimelineHistory(
      "1\t0/3000000\tno recovery target specified\n\n# a comment\n"
      "  2\t1A/B0000F8\tbefore 2026-01-01 00:00:00+00\n");
  ASSERT_TRUE(history) << history.error().ToString();
  EXPECT_EQ(*history, (TimelineHistory{{1, Lsn{0x3000000}}, {2, Lsn{0x1A0B0000F8}}}));
  EXPECT_EQ(EndOfTimeline(*history, 2), Lsn{0x1A0B0000F8});
  EXPECT_EQ(EndOfTimeline(*history, 3), std::nullopt);
}

TEST(TimelineHistory, RefusesWhatIsNone) {
  for (const char* text : {"1", "1 x", "x 0/1", "1x 0/1", "-1 0/1", "4294967296 0/1"}) {
    EXPECT_FALSE(ParseTimelineHistory(text)) << text;
  }
}

}  // namespace
}  // namespace trunkline
