#include "postgres/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace trunkline::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Quote, IdentifiersAndLiterals) {
  EXPECT_EQ(QuoteIdentifier("orders"), "\"orders\"");
  EXPECT_EQ(QuoteIdentifier("Odd \"name\""), "\"Odd \"\"name\"\"\"");
  EXPECT_EQ(QuoteLiteral("it's"), "'it''s'");
  EXPECT_EQ(QuoteLiteral("a\\b"), "'a\\b'");
}

TEST(Connection, MalformedConninfoIsRefusedWithoutQuotingIt) {
  const Result<Connection> connection =
      Connection::Open("host=x password='secret", Mode::kNormal, "test");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(connection.error().ToString(), Not(HasSubstr("secret")));
}

TEST(Connection, UnknownOptionIsNamed) {
  const Result<Connection> connection = Connection::Open("hots=x dbname=y", Mode::kNormal, "test");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(connection.error().message, HasSubstr("hots"));
}

TEST(Connection, NobodyListeningIsUnavailable) {
  for (const char* conninfo : {"host=/nonexistent dbname=x", "postgresql://127.0.0.1:1/x"}) {
    const Result<Connection> connection = Connection::Open(conninfo, Mode::kNormal, "test");
    ASSERT_FALSE(connection);
    EXPECT_EQ(connection.error().kind, ErrorKind::kUnavailable);
    EXPECT_EQ(connection.error().message.find('\n'), std::string::npos);
  }
}

TEST(PinnedOptions, NamesWhatValuesPrintUnder) {
  EXPECT_THAT(PinnedOptions(), HasSubstr("-c timezone=UTC"));
  EXPECT_THAT(PinnedOptions(), HasSubstr("-c extra_float_digits=3"));
}

}  // namespace
}  // namespace trunkline::postgres
