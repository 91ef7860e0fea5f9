#include "base/timestamp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace trunkline {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3600 * kSecond;

// Each pair was printed by a Postgres 15 server with TimeZone=UTC.
TEST(Timestamp, PrintsAsPostgresDoes) {
  EXPECT_EQ(Timestamp{0}.ToString(), "2000-01-01 00:00:00+00");
  EXPECT_EQ(Timestamp{-1}.ToString(), "1999-12-31 23:59:59.999999+00");
  EXPECT_EQ(Timestamp{533842140250000}.ToString(), "2016-11-30 17:29:00.25+00");
  EXPECT_EQ(Timestamp{5140800000000}.ToString(), "2000-02-29 12:00:00+00");
  EXPECT_EQ(Timestamp{-3150576000000000}.ToString(), "1900-03-01 00:00:00+00");
  EXPECT_EQ(Timestamp{252455615999999999}.ToString(), "9999-12-31 23:59:59.999999+00");
  EXPECT_EQ(Timestamp{252455616000000000}.ToString(), "10000-01-01 00:00:00+00");
  EXPECT_EQ(Timestamp{9223371331199999999}.ToString(), "294276-12-31 23:59:59.999999+00");
  EXPECT_EQ(Timestamp{-63082281600000000}.ToString(), "0001-01-01 00:00:00+00");
  EXPECT_EQ(Timestamp{-63113904000000000}.ToString(), "0001-01-01 00:00:00+00 BC");
  EXPECT_EQ(Timestamp{-63108802676500000}.ToString(), "0001-02-29 01:02:03.5+00 BC");
  EXPECT_EQ(Timestamp{-63235033076500000}.ToString(), "0005-02-29 01:02:03.5+00 BC");
  EXPECT_EQ(Timestamp{-211813487999999999}.ToString(), "4714-11-24 00:00:00.000001+00 BC");
}

TEST(Timestamp, PrintsEveryCountWithoutOverflow) {
  using Limits = std::numeric_limits<int64_t>;
  EXPECT_THAT(Timestamp{Limits::max()}.ToString(), testing::StartsWith("294277-01-0"));
  EXPECT_THAT(Timestamp{Limits::min()}.ToString(), testing::EndsWith("+00 BC"));
}

TEST(Timestamp, ParsesEveryFormOfTheOffset) {
  const int64_t local = 16 * 366 * 24 * kHour;  // any
  const std::string time = Timestamp{local}.ToString().substr(0, 19);
  for (const auto& [offset, hours] : {std::pair<const char*, double>{"+00", 0},
                                      {"Z", 0},
                                      {"z", 0},
                                      {"-08", -8},
                                      {"+0530", 5.5},
                                      {"-03:30", -3.5},
                                      {"+15", 15},
                                      {" +02", 2}}) {
    const auto parsed = Timestamp::Parse(time + offset);
    ASSERT_TRUE(parsed) << offset;
    EXPECT_EQ(parsed->micros, local - static_cast<int64_t>(hours * kHour)) << offset;
  }
}

TEST(Timestamp, SecondsAndFractionAreOptional) {
  const int64_t minute = Timestamp::Parse("2016-11-30 09:29:00-08")->micros;
  EXPECT_EQ(minute, 533842140000000);
  EXPECT_EQ(Timestamp::Parse("2016-11-30 09:29-08")->micros, minute);
  EXPECT_EQ(Timestamp::Parse("2016-11-30T09:29:00-08")->micros, minute);
  EXPECT_EQ(Timestamp::Parse("2016-11-30t09:29:07.5-08")->micros, minute + 7'500'000);
  EXPECT_EQ(Timestamp::Parse("2016-11-30 09:29:00.000001-08")->micros, minute + 1);
}

TEST(Timestamp, ParsesTheEndsOfItsRange) {
  EXPECT_EQ(Timestamp::Parse("0001-01-01 00:00:00+00")->micros, -63082281600000000);
  EXPECT_EQ(Timestamp::Parse("294276-12-31 23:59:59.999999+00")->micros, 9223371331199999999);
  EXPECT_TRUE(Timestamp::Parse("294276-12-31 23:59:59.999999-15:59"));
  EXPECT_FALSE(Timestamp::Parse("294277-01-01 00:00:00+00"));
  EXPECT_FALSE(Timestamp::Parse("999999-01-01 00:00:00+00"));
}

TEST(Timestamp, ATimeWithoutAnOffsetIsRefusedAsAmbiguous) {
  for (const char* text : {"2016-11-30 09:29:00", "2016-11-30 09:29", "2016-11-30T09:29:00.5"}) {
    const auto parsed = Timestamp::Parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(parsed.error().message, testing::HasSubstr("without an offset"));
  }
}

TEST(Timestamp, RefusesWhatIsNoTimestamp) {
  for (const char* text : {"",
                           "latest",
                           "2016-11-30",
                           "2016-11-30 09",
                           "16-11-30 09:29:00+00",
                           "2016-13-01 00:00:00+00",
                           "2016-00-01 00:00:00+00",
                           "2016-11-31 00:00:00+00",
                           "2015-02-29 00:00:00+00",
                           "1900-02-29 00:00:00+00",
                           "2016-11-00 00:00:00+00",
                           "2016-11-30 24:00:00+00",
                           "2016-11-30 09:60:00+00",
                           "2016-11-30 09:29:60+00",
                           "2016-11-30 09:29:00.+00",
                           "2016-11-30 09:29:00.1234567+00",
                           "2016-11-30 09:29:00+1",
                           "2016-11-30 09:29:00+16",
                           "2016-11-30 09:29:00+00:",
                           "2016-11-30 09:29:00+00:60",
                           "2016-11-30 09:29:00+00 BC",
                           "2016-11-30 09:29:00+00x",
                           "0000-01-01 00:00:00+00",
                           "2016-11-30  09:29:00+00",
                           "-2016-11-30 09:29:00+00",
                           "2016-11-30 09:29:00 UTC"}) {
    const auto parsed = Timestamp::Parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(parsed.error().message, testing::HasSubstr(text));
  }
}

TEST(Timestamp, NowIsBetweenThisCodesWritingAndFarOff) {
  EXPECT_GT(Timestamp::Now(), *Timestamp::Parse("2020-01-01 00:00:00+00"));
  EXPECT_LT(Timestamp::Now(), *Timestamp::Parse("2200-01-01 00:00:00+00"));
}

TEST(Civil, DaysCountFrom2000AndYear0Is1BC) {
  EXPECT_EQ(DaysFromCivil(2000, 1, 1), 0);
  EXPECT_EQ(DaysFromCivil(1970, 1, 1), -10957);
  EXPECT_EQ(DaysFromCivil(0, 2, 29) + 1, DaysFromCivil(0, 3, 1));
}

RC_GTEST_PROP(TimestampProperty, WhatItPrintsItParses, ()) {
  const int64_t micros = *rc::gen::inRange<int64_t>(-63082281600000000, 9223371331199999999);
  RC_ASSERT(Timestamp::Parse(Timestamp{micros}.ToString())->micros == micros);
}

RC_GTEST_PROP(CivilProperty, DaysComeBackAndFollowEachOther, ()) {
  const int64_t days = *rc::gen::inRange<int64_t>(-110'000'000, 110'000'000);
  int64_t year = 0;
  unsigned month = 0;
  unsigned day = 0;
  CivilFromDays(days, &year, &month, &day);
  RC_ASSERT(month >= 1U && month <= 12U && day >= 1U && day <= 31U);
  RC_ASSERT(DaysFromCivil(year, month, day) == days);
}

}  // namespace
}  // namespace trunkline
