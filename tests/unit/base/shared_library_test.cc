#include "base/shared_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

namespace trunkline {
namespace {

using ::testing::HasSubstr;

constinit SharedLibrary libc("libc.so.6", "libc6");
constinit SharedLibrary missing("libnothing-of-that-name.so.9", "libnothing9");

constinit LazyFunction<int(const char*, std::FILE*)> fputs(&libc, "fputs");
constinit LazyFunction<int(std::FILE*, const char*, ...)> fprintf(&libc, "fprintf");

TEST(SharedLibraryTest, CallsItsFunctions) {
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_GE(fputs("first ", file), 0);
  EXPECT_EQ(fprintf(file, "%s %d %ld %.1f", "a", 7, 8L, 0.5), 9);
  std::rewind(file);
  char text[32] = {};
  EXPECT_EQ(std::fread(text, 1, sizeof text, file), 15);
  EXPECT_STREQ(text, "first a 7 8 0.5");
  EXPECT_EQ(std::fclose(file), 0);
}

TEST(SharedLibraryTest, SaysWhatToInstall) {
  const Result<void> loaded = missing.Load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::kFailed);
  EXPECT_THAT(loaded.error().ToString(), HasSubstr("libnothing-of-that-name.so.9"));
  EXPECT_THAT(loaded.error().ToString(), HasSubstr("install the package libnothing9"));
}

TEST(SharedLibraryDeathTest, WhatIsMissingEndsTheProgram) {
  EXPECT_DEATH(missing.Find("anything"), "loaded");
  EXPECT_DEATH(libc.Find("no_function_of_that_name"), "address");
}

}  // namespace
}  // namespace trunkline
