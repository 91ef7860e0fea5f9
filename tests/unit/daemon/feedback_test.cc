#include "daemon/feedback.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace trunkline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Feedback::Clock::time_point kStart{};

TEST(Feedback, FirstStatusIsDueAtOnceAndSaysTheArchivesEnd) {
  Feedback feedback(Lsn{100}, seconds(10), kStart);
  EXPECT_LE(feedback.due(), kStart);
  EXPECT_EQ(feedback.Take(kStart), (StandbyStatus{Lsn{100}, Lsn{100}}));
  EXPECT_EQ(feedback.due(), kStart + seconds(10));
}

TEST(Feedback, WhatArrivedIsWrittenButNotFlushed) {
  Feedback feedback(Lsn{100}, seconds(10), kStart);
  (void)feedback.Take(kStart);
  feedback.Received(Lsn{500});
  EXPECT_EQ(feedback.due(), kStart + seconds(10));
  EXPECT_EQ(feedback.Take(kStart + seconds(10)), (StandbyStatus{Lsn{500}, Lsn{100}}));
}

TEST(Feedback, DurableProgressIsDueAtOnce) {
  Feedback feedback(Lsn{100}, seconds(10), kStart);
  (void)feedback.Take(kStart);
  feedback.Received(Lsn{500});
  feedback.Durable(Lsn{400});
  EXPECT_LE(feedback.due(), kStart);
  EXPECT_EQ(feedback.Take(kStart + seconds(1)), (StandbyStatus{Lsn{500}, Lsn{400}}));
  EXPECT_EQ(feedback.due(), kStart + seconds(11));
}

TEST(Feedback, RequestsAreAnsweredSoonButNotInABusyLoop) {
  Feedback feedback(Lsn{100}, seconds(10), kStart);
  (void)feedback.Take(kStart);
  feedback.Requested();
  EXPECT_GT(feedback.due(), kStart);
  EXPECT_LE(feedback.due(), kStart + milliseconds(100));
}

TEST(Feedback, NothingEverGoesBackAndFlushNeverPassesTheDurableEnd) {
  std::mt19937_64 random(7);
  Feedback feedback(Lsn{100}, seconds(10), kStart);
  Lsn durable{100};
  StandbyStatus last;
  for (int i = 0; i < 10000; ++i) {
    const Lsn lsn{random() % 1000};
    if (random() % 2 == 0) {
      feedback.Received(lsn);
    } else {
      feedback.Durable(lsn);
      durable = std::max(durable, lsn);
    }
    const StandbyStatus status = feedback.Take(kStart + milliseconds(i));
    EXPECT_GE(status.flush, last.flush);
    EXPECT_GE(status.write, last.write);
    EXPECT_GE(status.write, status.flush);
    EXPECT_EQ(status.flush, durable);
    last = status;
  }
}

}  // namespace
}  // namespace trunkline
