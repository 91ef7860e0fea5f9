#include "base/noted_warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace trunkline {
namespace {

TEST(NotedWarningsTest, WarningsAreNotedWhileItLives) {
  testing::internal::CaptureStdout();
  const size_t sinks = spdlog::default_logger()->sinks().size();
  {
    const NotedWarnings noted;
    spdlog::info("no warning");
    spdlog::warn("left out: {}", "an index");
    spdlog::error("worse");
    EXPECT_THAT(noted.lines(), testing::ElementsAre("left out: an index", "worse"));
  }
  EXPECT_EQ(spdlog::default_logger()->sinks().size(), sinks);
  (void)testing::internal::GetCapturedStdout();
}

}  // namespace
}  // namespace trunkline
