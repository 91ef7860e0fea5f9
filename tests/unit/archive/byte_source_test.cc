#include "archive/byte_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace trunkline {
namespace {

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content) {
    char path[] = "/tmp/byte_source_test.XXXXXX";
    const int fd = mkstemp(path);
    EXPECT_GE(fd, 0);
    ::close(fd);
    path_ = path;
    std::ofstream(path_) << content;
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void ExpectReadsAlphabet(const ByteSource& source) {
  EXPECT_EQ(source.size(), 10u);
  EXPECT_EQ(ReadAll(source, 10).value(), "abcdefghij");
  char buffer[4] = {};
  ASSERT_TRUE(source.Read(6, buffer, 4));
  EXPECT_EQ(std::string(buffer, 4), "ghij");
  EXPECT_TRUE(source.Read(10, buffer, 0));
  EXPECT_EQ(source.Read(7, buffer, 4).error().kind, ErrorKind::kTruncated);
  EXPECT_EQ(source.Read(~0ull, buffer, 4).error().kind, ErrorKind::kTruncated);
  EXPECT_EQ(ReadAll(source, 9).error().kind, ErrorKind::kFailed);
}

TEST(ByteSource, MemoryReadsAnyRange) { ExpectReadsAlphabet(*NewMemorySource("abcdefghij")); }

TEST(ByteSource, FileReadsAnyRange) {
  const TemporaryFile file("abcdefghij");
  ExpectReadsAlphabet(**OpenFileSource(file.path()));
}

TEST(ByteSource, EmptySource) { EXPECT_EQ(ReadAll(*NewMemorySource(""), 0).value(), ""); }

TEST(ByteSource, FileThatShrankIsTruncated) {
  const TemporaryFile file("abcdefghij");
  auto source = OpenFileSource(file.path());
  ASSERT_EQ(::truncate(file.path().c_str(), 4), 0);
  EXPECT_EQ(ReadAll(**source, 10).error().kind, ErrorKind::kTruncated);
}

TEST(ByteSource, OpenFailsWithKind) {
  EXPECT_EQ(OpenFileSource("/nonexistent/file").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(OpenFileSource("/tmp").error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace trunkline
