#include "replay/output_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/unit/archive/temporary_folder.h"

namespace trunkline::test {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
 protected:
  std::string path() const { return folder_ / "result"; }
  // `path()` and what a write under way leaves beside it.
  size_t Files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }

  TemporaryFolder folder_;
};

TEST_F(OutputFileTest, AppearsWhole) {
  std::string text;
  {
    auto file = OutputFile::Open(path());
    ASSERT_TRUE(file);
    for (int i = 0; i < 30; ++i) {
      text += std::string(1 << 20, static_cast<char>('a' + i % 26));
      ASSERT_TRUE(file->Write(text.substr(text.size() - (1 << 20))));
    }
    EXPECT_FALSE(fs::exists(path()));
    ASSERT_TRUE(file->Finish());
  }
  EXPECT_TRUE(ReadFile(path()) == text);
  EXPECT_EQ(Files(), 1U);
}

TEST_F(OutputFileTest, WithoutFinishTheOldContentStays) {
  WriteFile(path(), "old");
  {
    auto file = OutputFile::Open(path());
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->Write(std::string(20 << 20, 'x')));
  }
  EXPECT_EQ(ReadFile(path()), "old");
  EXPECT_EQ(Files(), 1U);
}

TEST_F(OutputFileTest, AFullDeviceIsReported) {
  auto file = OutputFile::Open("/dev/full");
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->Write("text"));
  const Result<void> finished = file->Finish();
  ASSERT_FALSE(finished);
  EXPECT_NE(finished.error().message.find("/dev/full"), std::string::npos);
}

TEST_F(OutputFileTest, AFolderThatIsNotThereIsReported) {
  EXPECT_FALSE(OutputFile::Open(folder_ / "missing/result"));
}

}  // namespace
}  // namespace trunkline::test
