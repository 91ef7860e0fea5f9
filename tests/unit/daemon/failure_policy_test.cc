#include "daemon/failure_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr FailureContext kReached{.source_was_reached = true};
constexpr FailureContext kNeverReached{.source_was_reached = false};

Reaction ReactionTo(ErrorKind kind, const FailureContext& context = kReached) {
  return Classify(Error{kind, "x", {}}, context);
}

TEST(FailurePolicy, OnlyWhatMayPassIsRetried) {
  EXPECT_EQ(ReactionTo(ErrorKind::kUnavailable), Reaction::kRetry);
  EXPECT_EQ(ReactionTo(ErrorKind::kCancelled), Reaction::kFinish);
  for (const ErrorKind kind :
       {ErrorKind::kFailed, ErrorKind::kDenied, ErrorKind::kNotFound, ErrorKind::kWrongSource,
        ErrorKind::kCorrupt, ErrorKind::kUnsupported, ErrorKind::kInvalidArgument}) {
    EXPECT_EQ(ReactionTo(kind), Reaction::kStop);
  }
}

TEST(FailurePolicy, ASourceNeverReachedIsNotWaitedFor) {
  EXPECT_EQ(ReactionTo(ErrorKind::kUnavailable, kNeverReached), Reaction::kStop);
}

TEST(FailurePolicy, AStoreThatWasThereIsWaitedFor) {
  for (const ErrorKind kind : {ErrorKind::kUnavailable, ErrorKind::kDenied}) {
    EXPECT_TRUE(MayRecover(Error{kind, "x", {}}));
    EXPECT_EQ(AwayForNow(Error{kind, "x", {}}).kind, ErrorKind::kUnavailable);
  }
  EXPECT_EQ(AwayForNow(Error{ErrorKind::kNotFound, "x", {}}).kind, ErrorKind::kUnavailable);
  for (const ErrorKind kind :
       {ErrorKind::kCorrupt, ErrorKind::kWrongSource, ErrorKind::kConflict}) {
    EXPECT_FALSE(MayRecover(Error{kind, "x", {}}));
    EXPECT_EQ(AwayForNow(Error{kind, "x", {}}).kind, kind);
  }
}

TEST(FailurePolicy, AnotherWriterIsGivenWay) {
  EXPECT_EQ(ReactionTo(ErrorKind::kConflict), Reaction::kRetry);
}

TEST(FailurePolicy, AdviceIsAddedWhereThereIsNone) {
  const Error error =
      WithAdvice(Error{ErrorKind::kFailed, "logical decoding requires wal_level >= logical", {}});
  EXPECT_THAT(error.hint, HasSubstr("ALTER SYSTEM SET wal_level = logical"));
  EXPECT_EQ(WithAdvice(Error{ErrorKind::kFailed, "publication", "the server's own"}).hint,
            "the server's own");
  EXPECT_EQ(WithAdvice(Error{ErrorKind::kFailed, "something else", {}}).hint, "");
}

TEST(Backoff, DoublesUpToHalfAMinuteAndStartsAgainAfterReset) {
  Backoff backoff(1);
  EXPECT_LE(backoff.Next(), milliseconds(125));
  EXPECT_GE(backoff.Next(), milliseconds(150));
  for (int i = 0; i < 100; ++i) {
    const milliseconds wait = backoff.Next();
    EXPECT_GE(wait, milliseconds(75));
    EXPECT_LE(wait, milliseconds(37'500));
  }
  EXPECT_GE(backoff.Next(), milliseconds(22'500));
  backoff.Reset();
  EXPECT_LE(backoff.Next(), milliseconds(125));
}

}  // namespace
}  // namespace trunkline
