#include "archive/scratch_buffer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/archive/temporary_folder.h"

namespace trunkline {
namespace {

std::string ReadBack(const ScratchBuffer& buffer, uint64_t offset, size_t length) {
  std::string bytes(length, '\0');
  EXPECT_TRUE(buffer.Read(offset, bytes.data(), length));
  return bytes;
}

TEST(ScratchBuffer, StaysInMemoryWhileItFits) {
  ScratchBuffer buffer(10, "/nonexistent");
  ASSERT_TRUE(buffer.Append("01234"));
  ASSERT_TRUE(buffer.Append("56789"));
  EXPECT_FALSE(buffer.spilled());
  EXPECT_EQ(ReadBack(buffer, 3, 4), "3456");
}

TEST(ScratchBuffer, SpillsAndReadsAcross) {
  ScratchBuffer buffer(4, "/tmp");
  ASSERT_TRUE(buffer.Append("0123"));
  ASSERT_TRUE(buffer.Append("4567"));
  ASSERT_TRUE(buffer.Append("89"));
  EXPECT_TRUE(buffer.spilled());
  EXPECT_EQ(buffer.size(), 10u);
  EXPECT_EQ(ReadBack(buffer, 0, 10), "0123456789");
  EXPECT_EQ(ReadBack(buffer, 2, 4), "2345");
  EXPECT_EQ(ReadBack(buffer, 6, 4), "6789");
  const ScratchBuffer moved = std::move(buffer);
  EXPECT_EQ(ReadBack(moved, 0, 10), "0123456789");
}

TEST(ScratchBuffer, LeavesNoFile) {
  const TemporaryFolder folder;
  ScratchBuffer buffer(0, folder.path());
  ASSERT_TRUE(buffer.Append("x"));
  EXPECT_TRUE(buffer.spilled());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ScratchBuffer, SaysWhichDirectoryItCannotUse) {
  ScratchBuffer buffer(0, "/nonexistent");
  const auto appended = buffer.Append("x");
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().message,
            "cannot create a scratch file in /nonexistent: No such file or directory");
}

}  // namespace
}  // namespace trunkline
