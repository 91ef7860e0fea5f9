#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>

#include "base/check.h"

namespace trunkline {
namespace {

Error Of(ErrorKind kind) { return Error{kind, "what", ""}; }

TEST(Error, IsOneLineWithItsHintAndContext) {
  EXPECT_EQ((Error{ErrorKind::kFailed, "no", ""}).ToString(), "no");
  EXPECT_EQ((Error{ErrorKind::kFailed, "no", "try yes"}).ToString(), "no (try yes)");
  const Error in_context = Error{ErrorKind::kGap, "no", "hint"}.WithContext("segment 1");
  EXPECT_EQ(in_context.ToString(), "segment 1: no (hint)");
  EXPECT_EQ(in_context.kind, ErrorKind::kGap);
}

TEST(Error, ExitCodesAreAsDocumented) {
  EXPECT_EQ(ExitCode(Of(ErrorKind::kInvalidArgument)), 2);
  for (const auto kind : {ErrorKind::kCorrupt, ErrorKind::kTruncated, ErrorKind::kGap}) {
    EXPECT_EQ(ExitCode(Of(kind)), 3);
  }
  EXPECT_EQ(ExitCode(Of(ErrorKind::kWrongSource)), 4);
  for (const auto kind : {ErrorKind::kFailed, ErrorKind::kNotFound, ErrorKind::kAlreadyExists,
                          ErrorKind::kUnavailable, ErrorKind::kDenied, ErrorKind::kUnsupported,
                          ErrorKind::kCancelled}) {
    EXPECT_EQ(ExitCode(Of(kind)), 1);
  }
}

TEST(Error, EveryKindHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::kCancelled); ++kind) {
    names.insert(ToString(static_cast<ErrorKind>(kind)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(ErrorKind::kCancelled) + 1);
  EXPECT_EQ(names.count("unknown"), 0U);
}

TEST(Error, OfErrnoNamesTheOperationAndTheReason) {
  const Error missing = ErrnoError("open /x", ENOENT);
  EXPECT_EQ(missing.kind, ErrorKind::kNotFound);
  EXPECT_EQ(missing.message, "open /x: No such file or directory");
  EXPECT_EQ(ErrnoError("x", EEXIST).kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(ErrnoError("x", EACCES).kind, ErrorKind::kDenied);
  EXPECT_EQ(ErrnoError("x", EPERM).kind, ErrorKind::kDenied);
  EXPECT_EQ(ErrnoError("x", EIO).kind, ErrorKind::kFailed);
}

Result<std::unique_ptr<int>> Make(bool well) {
  if (!well) return Fail(ErrorKind::kDenied, "not made", "ask");
  return std::make_unique<int>(7);
}
Result<int> Use(bool well) {
  ASSIGN_OR_RETURN(const std::unique_ptr<int> made, Make(well));
  TRY(Make(well));
  return *made;
}
Result<void> Try(bool well) {
  TRY(Make(well));
  return {};
}

TEST(Result, TheMacrosPassValuesOnAndErrorsOut) {
  EXPECT_EQ(*Use(true), 7);
  EXPECT_EQ(Use(false).error().ToString(), "not made (ask)");
  EXPECT_TRUE(Try(true));
  EXPECT_EQ(Try(false).error().kind, ErrorKind::kDenied);
}

TEST(CheckDeathTest, AFailureSaysWhatAndWhereAndAborts) {
  CHECK(1 + 1 == 2);
  EXPECT_DEATH(CHECK(1 + 1 == 3), "error_test.cc:[0-9]+: check failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace trunkline
