#include "tests/integration/refusal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

namespace trunkline::test {

void ExpectRefused(const Outcome& outcome, int exit_code, testing::Matcher<std::string> what) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome;
  EXPECT_EQ(outcome.out, "");
  ASSERT_TRUE(outcome.err.ends_with("\n")) << outcome;
  const size_t last =
      outcome.err.size() < 2 ? std::string::npos : outcome.err.rfind('\n', outcome.err.size() - 2);
  EXPECT_THAT(outcome.err.substr(last == std::string::npos ? 0 : last + 1), what) << outcome;
  EXPECT_THAT(outcome.err, testing::Not(testing::HasSubstr("secret"))) << "a password is shown";
}

void ExpectOneLine(const Outcome& outcome, int exit_code, testing::Matcher<std::string> what) {
  ExpectRefused(outcome, exit_code, std::move(what));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome;
}

}  // namespace trunkline::test
