#include "daemon/slot_alarm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr int64_t kMiB = 1 << 20;

class SlotAlarmTest : public ::testing::Test {
 protected:
  // What is said of the slot `time` after the beginning; "" for nothing.
  std::string Judge(seconds time, const SlotReading& reading) {
    const std::optional<Alarm> alarm = alarm_.Judge(reading, SlotAlarm::Clock::time_point() + time);
    level_ = alarm.has_value() ? std::optional(alarm->level) : std::nullopt;
    return alarm.has_value() ? alarm->text : "";
  }
  static SlotReading Reading(std::string wal_status, int64_t safe_mib = 1000) {
    return {.wal_status = std::move(wal_status),
            .confirmed = Lsn{1000},
            .written = Lsn{2000},
            .kept_bytes = 100 * kMiB,
            .safe_bytes = safe_mib * kMiB,
            .limit_bytes = 1000 * kMiB};
  }
  static SlotReading Moving(uint64_t confirmed, int64_t written_mib) {
    SlotReading reading = Reading("reserved");
    reading.confirmed = Lsn{confirmed};
    reading.written = Lsn{static_cast<uint64_t>(written_mib * kMiB)};
    return reading;
  }

  SlotAlarm alarm_{minutes(1)};
  std::optional<Alarm::Level> level_;
};

TEST_F(SlotAlarmTest, ASlotThatKeepsUpIsNotSpokenOf) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Judge(seconds(10 * i), Moving(static_cast<uint64_t>(i), 1000 * i)), "");
  }
}

TEST_F(SlotAlarmTest, AnIdleSourceIsNotSpokenOf) {
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(Judge(minutes(i), Moving(1, 10)), "");
}

TEST_F(SlotAlarmTest, WarnsWhenHalfOfWhatMayBeKeptIs) {
  EXPECT_EQ(Judge(seconds(0), Reading("reserved", 501)), "");
  EXPECT_THAT(Judge(seconds(10), Reading("reserved", 499)),
              HasSubstr("keeps 100 MiB of WAL at the source (reserved), confirmed up to 0/3E8, "
                        "written up to 0/7D0; it may be lost after 499 MiB more"));
  EXPECT_EQ(level_, Alarm::Level::kWarning);
}

TEST_F(SlotAlarmTest, ALimitThatIsNotSetIsNotNeared) {
  SlotReading reading = Reading("reserved");
  reading.safe_bytes = reading.limit_bytes = std::nullopt;
  EXPECT_EQ(Judge(seconds(0), reading), "");
  reading.wal_status = "extended";
  EXPECT_THAT(Judge(seconds(10), reading), HasSubstr("(extended)"));
  EXPECT_THAT(Judge(seconds(20), reading), Not(HasSubstr("may be lost")));
}

TEST_F(SlotAlarmTest, SpeaksAtOnceWhenItGetsWorseAndElseLessAndLessOften) {
  int said = 0;
  for (int i = 0; i < 360; ++i) {
    if (!Judge(seconds(10 * i), Reading("extended")).empty()) ++said;
  }
  EXPECT_GT(said, 5);
  EXPECT_LT(said, 20);
  EXPECT_THAT(Judge(seconds(3600), Reading("extended", 400)), HasSubstr("400 MiB more"));
  EXPECT_EQ(level_, Alarm::Level::kWarning);
  EXPECT_THAT(Judge(seconds(3601), Reading("unreserved", -100)), HasSubstr("unreserved"));
  EXPECT_EQ(level_, Alarm::Level::kGrave);
  EXPECT_EQ(Judge(seconds(3601), Reading("unreserved", -100)), "");
}

TEST_F(SlotAlarmTest, SaysWhenItIsOver) {
  EXPECT_NE(Judge(seconds(0), Reading("extended")), "");
  EXPECT_THAT(Judge(seconds(10), Reading("reserved")), HasSubstr("over: "));
  EXPECT_EQ(level_, Alarm::Level::kOver);
  EXPECT_EQ(Judge(seconds(20), Reading("reserved")), "");
}

TEST_F(SlotAlarmTest, NothingConfirmedWhileTheSourceWrites) {
  EXPECT_EQ(Judge(seconds(0), Moving(1000, 100)), "");
  EXPECT_EQ(Judge(seconds(50), Moving(1000, 900)), "") << "not for long enough";
  EXPECT_THAT(Judge(seconds(60), Moving(1000, 900)),
              HasSubstr("nothing was confirmed for 60 s, in which 800 MiB were written"));
  EXPECT_THAT(Judge(seconds(70), Moving(1001, 900)), HasSubstr("over: "));
  EXPECT_EQ(Judge(seconds(1000), Moving(1001, 901)), "") << "next to nothing was written since";
}

}  // namespace
}  // namespace trunkline
