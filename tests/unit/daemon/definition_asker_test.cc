#include "daemon/definition_asker.h"

#include <gtest/gtest.h>

#include <atomic>

namespace trunkline {
namespace {

using Clock = DefinitionAsker::Clock;

TEST(DefinitionAskerTest, AnswersTheRequestMadeBeforeTheQuery) {
  DefinitionAsker asker([](const std::stop_token&) -> Result<DescribedTables> {
    DescribedTables tables;
    tables.document = "{}";
    return tables;
  });
  EXPECT_TRUE(asker.idle());
  const uint64_t ticket = asker.Ask();
  asker.Await(ticket, Clock::now() + std::chrono::seconds(30));
  ASSERT_TRUE(asker.answered());
  const auto answer = asker.Take();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->ticket, ticket);
  EXPECT_EQ(answer->tables.document, "{}");
  EXPECT_FALSE(asker.answered());
  EXPECT_FALSE(asker.Take().has_value());
}

TEST(DefinitionAskerTest, WaitsNoLongerThanTheDeadline) {
  DefinitionAsker asker([](const std::stop_token& stop) -> Result<DescribedTables> {
    while (!stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Fail(ErrorKind::kCancelled, "stopped");
  });
  asker.Await(asker.Ask(), Clock::now() + std::chrono::milliseconds(20));
  EXPECT_FALSE(asker.answered());
  EXPECT_FALSE(asker.idle());
}

// Behind many failures, it would be half a minute.
TEST(DefinitionAskerTest, AsksAtOnceWhenTheSourceWasReached) {
  std::atomic<bool> there = false;
  std::atomic<int> queries = 0;
  DefinitionAsker asker([&](const std::stop_token&) -> Result<DescribedTables> {
    ++queries;
    if (!there) return Fail(ErrorKind::kUnavailable, "nobody there");
    return DescribedTables{};
  });
  const uint64_t ticket = asker.Ask();
  // Two pauses pass, a quarter and half of a second; the next one takes a second.
  while (queries < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  there = true;
  const Clock::time_point begun = Clock::now();
  asker.Hurry();
  asker.Await(ticket, begun + std::chrono::seconds(30));
  EXPECT_TRUE(asker.answered());
  EXPECT_LT(Clock::now() - begun, std::chrono::milliseconds(700));
}

// A request that nobody can answer must not keep the daemon from its end.
TEST(DefinitionAskerTest, EndsWithARequestOpen) {
  std::atomic<int> queries = 0;
  {
    DefinitionAsker asker([&](const std::stop_token&) -> Result<DescribedTables> {
      ++queries;
      return Fail(ErrorKind::kUnavailable, "nobody there");
    });
    asker.Ask();
    while (queries == 0) std::this_thread::yield();
  }
  EXPECT_EQ(queries, 1);
}

}  // namespace
}  // namespace trunkline
