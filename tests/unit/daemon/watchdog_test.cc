#include "daemon/watchdog.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class WatchdogTest : public ::testing::Test {
 protected:
  static constexpr seconds kPatience{60};

  static Watchdog::Clock::time_point At(seconds time) {
    return Watchdog::Clock::time_point() + minutes(5) + time;
  }

  Watchdog watchdog_{kPatience};
};

TEST_F(WatchdogTest, ASourceThatSendsIsNeverAsked) {
  for (seconds time{0}; time < minutes(10); time += seconds(10)) {
    watchdog_.Heard();
    EXPECT_FALSE(watchdog_.AsksWithStatus(At(time)));
    EXPECT_FALSE(watchdog_.silent(At(time)));
  }
}

TEST_F(WatchdogTest, AnIdleSourceIsAskedAndItsAnswersKeepItAlive) {
  watchdog_.AsksWithStatus(At(seconds(0)));
  for (seconds time{10}; time < minutes(10); time += seconds(10)) {
    EXPECT_TRUE(watchdog_.AsksWithStatus(At(time)));
    EXPECT_FALSE(watchdog_.silent(At(time)));
    watchdog_.Heard();
    watchdog_.AsksWithStatus(At(time));
  }
}

TEST_F(WatchdogTest, SilenceCountsFromTheFirstQuestionThatIsNotAnswered) {
  watchdog_.AsksWithStatus(At(seconds(0)));
  EXPECT_FALSE(watchdog_.silent(At(seconds(1000)))) << "it was never asked";
  EXPECT_TRUE(watchdog_.AsksWithStatus(At(seconds(10))));
  EXPECT_TRUE(watchdog_.AsksWithStatus(At(seconds(20))));
  EXPECT_FALSE(watchdog_.silent(At(seconds(69))));
  EXPECT_TRUE(watchdog_.silent(At(seconds(70))));
  watchdog_.Heard();
  EXPECT_FALSE(watchdog_.silent(At(seconds(71))));
}

TEST_F(WatchdogTest, AStoreThatReturnsInTimeIsNotSpokenOf) {
  EXPECT_FALSE(watchdog_.StoreHangs(std::nullopt, At(seconds(100))));
  EXPECT_FALSE(watchdog_.StoreHangs(At(seconds(100)), At(seconds(129))));
  EXPECT_FALSE(watchdog_.StoreHangs(At(seconds(129)), At(seconds(140))));
}

TEST_F(WatchdogTest, AStoreThatDoesNotIsSpokenOfAtGrowingIntervals) {
  int said = 0;
  for (seconds time{0}; time < minutes(60); time += seconds(1)) {
    if (watchdog_.StoreHangs(At(seconds(0)), At(time))) ++said;
  }
  EXPECT_GT(said, 8);
  EXPECT_LT(said, 20);
  // Another segment, another outage.
  EXPECT_FALSE(watchdog_.StoreHangs(At(minutes(60)), At(minutes(60))));
  EXPECT_TRUE(watchdog_.StoreHangs(At(minutes(60)), At(minutes(61))));
}

TEST(SilencePatience, IsTheServersOwnWithinBounds) {
  EXPECT_EQ(SilencePatience(milliseconds(30'000), 0), seconds(30));
  EXPECT_EQ(SilencePatience(milliseconds(1), 0), seconds(5));
  EXPECT_EQ(SilencePatience(minutes(10), 0), seconds(60));
  EXPECT_EQ(SilencePatience(milliseconds(0), 0), seconds(60));
}

TEST(SilencePatience, GrowsWhileNothingIsGained) {
  EXPECT_EQ(SilencePatience(seconds(60), 1), seconds(120));
  EXPECT_EQ(SilencePatience(seconds(60), 3), seconds(480));
  EXPECT_EQ(SilencePatience(seconds(60), 1000), minutes(60));
}

}  // namespace
}  // namespace trunkline
