// Damaged archives, targets and destinations that cannot be: refused, and nothing half-written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/refusal.h"
#include "tests/support/csv.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

class BadArchiveTest : public testing::Test {
 protected:
  // Three segments of transactions; made once, copied for each test that damages it.
  static void SetUpTestSuite() {
    source_ = std::make_unique<Source>();
    made_ = std::make_unique<TempFolder>();
    const std::string conninfo = source_->NewDatabase("first", kSmallSchema);
    Session(conninfo).Do("INSERT INTO public.item VALUES (-1, 'in the snapshot')");
    Daemon daemon({.source = conninfo, .archive = *made_ / "archive"});
    for (int i = 0; i < 3; ++i) {
      const Outcome outcome = daemon.RunTo("now");
      if (outcome.exit_code != 0) throw std::runtime_error(outcome.err);
      Session(conninfo).Do(
          "INSERT INTO public.item SELECT g, 'row ' || g FROM "
          "generate_series(" +
          std::to_string(i * 1000) + ", " + std::to_string(i * 1000 + 999) + ") g");
    }
    const Outcome outcome = daemon.RunTo("now");
    if (outcome.exit_code != 0) throw std::runtime_error(outcome.err);
  }
  static void TearDownTestSuite() {
    source_.reset();
    made_.reset();
  }

  void SetUp() override {
    CopyFolder(*made_ / "archive", archive());
    ASSERT_GE(Segments(archive()).size(), 3U);
  }

  std::string archive() const { return folder_ / "archive"; }
  std::string csv() const { return folder_ / "csv"; }
  Outcome Replay(const std::string& target, std::vector<std::string> more = {}) {
    std::vector<std::string> command = {"replay", archive(), "--at",
                                        target,   "--to",    "csv:" + csv()};
    command.insert(command.end(), more.begin(), more.end());
    return Trunkline(std::move(command));
  }
  // A segment in the middle of the archive.
  std::string Middle() const {
    const auto segments = Segments(archive());
    return archive() + "/" + segments[segments.size() / 2];
  }
  void ExpectNoCsv() const {
    EXPECT_EQ(FilesBelow(csv()), std::vector<std::string>()) << "a failed rebuild left files";
  }

  static std::unique_ptr<Source> source_;
  static std::unique_ptr<TempFolder> made_;
  TempFolder folder_;
};
std::unique_ptr<Source> BadArchiveTest::source_;
std::unique_ptr<TempFolder> BadArchiveTest::made_;

TEST_F(BadArchiveTest, TheUndamagedArchiveIsWhole) {
  const Outcome verified = Trunkline({"verify", archive()});
  EXPECT_EQ(verified.exit_code, 0) << verified;
  const Outcome replayed = Replay("latest");
  ASSERT_EQ(replayed.exit_code, 0) << replayed;
  EXPECT_EQ(CsvRecords(ReadFile(csv() + "/public.item.csv")).size(), 3002U);
  EXPECT_EQ(ReadFile(csv() + "/public.other.csv"), "id\n");
}

TEST_F(BadArchiveTest, TargetsOutsideTheArchive) {
  ExpectOneLine(Replay("lsn:0/1"), kFailed, ContainsRegex("snapshot|begin"));
  ExpectOneLine(Replay("lsn:FFFFFFFF/FFFFFFFF"), kFailed, ContainsRegex("end"));
  ExpectOneLine(Replay("2001-01-01 00:00:00+00"), kFailed, ContainsRegex("before|first"));
  ExpectOneLine(Replay("2999-01-01 00:00:00Z"), kFailed, ContainsRegex("after|end|latest"));
  ExpectOneLine(Replay("xid:4294967290"), kFailed, HasSubstr("4294967290"));
  ExpectOneLine(Replay("name:nobody-set-this"), kFailed, HasSubstr("nobody-set-this"));
  ExpectNoCsv();
}

TEST_F(BadArchiveTest, TargetsThatAreNone) {
  for (const char* target :
       {"2016-11-30 09:29:00", "2016-13-30 09:29:00+00", "2016-02-30 00:00+00", "yesterday", "",
        "lsn:", "lsn:12345", "lsn:G/0", "lsn:0/16B3748 ", "xid:", "xid:0", "xid:-1",
        "xid:4294967296", "name:", "2016-11-30 09:29:00+99"}) {
    ExpectOneLine(Replay(target), kUsage, ContainsRegex("target|offset|--at"));
  }
  ExpectOneLine(Replay("2016-11-30 09:29:00"), kUsage, HasSubstr("offset"));
  ExpectNoCsv();
}

TEST_F(BadArchiveTest, UnknownTable) {
  ExpectOneLine(Replay("latest", {"--tables", "public.nowhere"}), kFailed, HasSubstr("nowhere"));
  ExpectOneLine(Replay("latest", {"--tables", "item,nowhere"}), kFailed, HasSubstr("nowhere"));
  ExpectNoCsv();
}

TEST_F(BadArchiveTest, DestinationsThatCannotBe) {
  ExpectOneLine(Trunkline({"replay", archive(), "--at", "latest", "--to", "gopher:x"}), kUsage,
                HasSubstr("gopher"));
  ExpectOneLine(Trunkline({"replay", archive(), "--at", "latest", "--to", "csv:"}), kUsage,
                HasSubstr("csv"));
  WriteFile(folder_ / "file", "mine");
  ExpectOneLine(
      Trunkline({"replay", archive(), "--at", "latest", "--to", "csv:" + (folder_ / "file")}),
      kFailed, HasSubstr("file"));
  EXPECT_EQ(ReadFile(folder_ / "file"), "mine");
  ExpectOneLine(
      Trunkline({"replay", archive(), "--at", "latest", "--to", "csv:/proc/nowhere/here"}), kFailed,
      HasSubstr("/proc"));
}

TEST_F(BadArchiveTest, ADestinationThatHoldsDataIsKept) {
  ASSERT_EQ(mkdir(csv().c_str(), 0755), 0);
  WriteFile(csv() + "/precious.txt", "mine");
  ExpectOneLine(Replay("latest"), kFailed, HasSubstr("--force"));
  EXPECT_EQ(FilesBelow(csv()), std::vector<std::string>({"precious.txt"}));
  EXPECT_EQ(Replay("latest", {"--force"}).exit_code, 0);
  EXPECT_TRUE(Exists(csv() + "/public.item.csv"));
}

TEST_F(BadArchiveTest, ADatabaseThatHoldsDataIsKept) {
  source_->NewDatabase("holds_data",
                       "CREATE TABLE public.item (mine text); "
                       "INSERT INTO public.item VALUES ('precious')");
  ExpectOneLine(
      Trunkline({"replay", archive(), "--at", "latest", "--to", source_->uri("holds_data")}),
      kFailed, ContainsRegex("--force|--create-database"));
  ExpectOneLine(Trunkline({"replay", archive(), "--at", "latest", "--to", source_->uri(),
                           "--create-database", "holds_data"}),
                kFailed, HasSubstr("holds_data"));
  EXPECT_EQ(source_->Connect("holds_data").One("SELECT mine FROM public.item"), "precious");
  const std::string databases = "SELECT count(*) FROM pg_catalog.pg_database";
  const std::string before = source_->Connect().One(databases);
  ExpectOneLine(Trunkline({"replay", archive(), "--at", "latest", "--to",
                           "postgresql://postgres@127.0.0.1:1/postgres", "--create-database"}),
                kFailed, ContainsRegex("127\\.0\\.0\\.1|connect"));
  EXPECT_EQ(source_->Connect().One(databases), before);
}

TEST_F(BadArchiveTest, AFailedDatabaseRebuildLeavesNoDatabase) {
  const std::string databases = "SELECT count(*) FROM pg_catalog.pg_database";
  const std::string before = source_->Connect().One(databases);
  const std::string segment = Segments(archive()).back();
  std::string bytes = ReadFile(archive() + "/" + segment);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
  WriteFile(archive() + "/" + segment, bytes);
  ExpectOneLine(Trunkline({"replay", archive(), "--at", "latest", "--to", source_->uri(),
                           "--create-database", "half"}),
                kDamaged, HasSubstr(segment));
  EXPECT_EQ(source_->Connect().One(databases), before);
}

TEST_F(BadArchiveTest, ATruncatedSegment) {
  const std::string segment = Middle();
  const std::string bytes = ReadFile(segment);
  for (const size_t size : {bytes.size() - 1, bytes.size() / 2, size_t{8}, size_t{0}}) {
    WriteFile(segment, bytes.substr(0, size));
    ExpectOneLine(Replay("latest"), kDamaged, HasSubstr(".seg"));
    ExpectNoCsv();
    EXPECT_EQ(Trunkline({"verify", archive()}).exit_code, kDamaged) << size;
  }
}

TEST_F(BadArchiveTest, AFlippedByte) {
  const std::string segment = Middle();
  const std::string bytes = ReadFile(segment);
  for (size_t at = 0; at < bytes.size(); at += bytes.size() / 12 + 1) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    WriteFile(segment, damaged);
    const Outcome verified = Trunkline({"verify", archive()});
    EXPECT_EQ(verified.exit_code, kDamaged) << "byte " << at << "\n" << verified;
    EXPECT_THAT(verified.out + verified.err, HasSubstr(".seg"));
    ExpectOneLine(Replay("latest"), kDamaged, HasSubstr(".seg"));
    ExpectNoCsv();
  }
}

TEST_F(BadArchiveTest, AFlippedByteInTheSnapshot) {
  for (const std::string& name : FilesBelow(archive() + "/snapshots")) {
    if (name.find("public.other") != std::string::npos) continue;  // holds no row to be wrong
    const std::string path = archive() + "/snapshots/" + name;
    const std::string bytes = ReadFile(path);
    std::string damaged = bytes;
    damaged[bytes.size() / 2] = static_cast<char>(damaged[bytes.size() / 2] ^ 1);
    WriteFile(path, damaged);
    EXPECT_EQ(Trunkline({"verify", archive()}).exit_code, kDamaged) << name;
    // What completes its tables one by one is of no use to a base snapshot that is complete.
    if (name.ends_with(".seg") || name.ends_with("/complete")) {
      ExpectOneLine(Replay("latest"), kDamaged, HasSubstr("snapshots/"));
      ExpectNoCsv();
    }
    WriteFile(path, bytes);
  }
}

TEST_F(BadArchiveTest, AMissingSegment) {
  ASSERT_EQ(unlink(Middle().c_str()), 0);
  ExpectOneLine(Replay("latest"), kDamaged, ContainsRegex("/[0-9A-F]+.*/[0-9A-F]+"));
  ExpectNoCsv();
  EXPECT_EQ(Trunkline({"verify", archive()}).exit_code, kDamaged);
}

TEST_F(BadArchiveTest, TwoSegmentsSwapped) {
  const auto segments = Segments(archive());
  const std::string a = archive() + "/" + segments[segments.size() - 1];
  const std::string b = archive() + "/" + segments[segments.size() - 2];
  const std::string bytes = ReadFile(a);
  WriteFile(a, ReadFile(b));
  WriteFile(b, bytes);
  EXPECT_EQ(Trunkline({"verify", archive()}).exit_code, kDamaged);
  ExpectOneLine(Replay("latest"), kDamaged, HasSubstr(".seg"));
  ExpectNoCsv();
}

TEST_F(BadArchiveTest, AMissingSnapshotPartOrNoSnapshotAtAll) {
  for (const std::string& name : FilesBelow(archive() + "/snapshots")) {
    if (name.ends_with(".seg")) unlink((archive() + "/snapshots/" + name).c_str());
  }
  ExpectOneLine(Replay("latest"), kDamaged, HasSubstr("snapshots/"));
  EXPECT_EQ(Trunkline({"verify", archive()}).exit_code, kDamaged);
  for (const std::string& name : FilesBelow(archive() + "/snapshots")) {
    unlink((archive() + "/snapshots/" + name).c_str());
  }
  ExpectOneLine(Replay("latest"), kFailed, HasSubstr("snapshot"));
  ExpectNoCsv();
}

TEST_F(BadArchiveTest, NoArchiveThere) {
  ExpectOneLine(Trunkline({"info", folder_ / "nowhere"}), kFailed, HasSubstr("nowhere"));
  ExpectOneLine(Trunkline({"verify", folder_ / "nowhere"}), kFailed, HasSubstr("nowhere"));
  ExpectOneLine(Trunkline({"log", folder_ / "nowhere"}), kFailed, HasSubstr("nowhere"));
  ExpectOneLine(Trunkline({"query", folder_ / "nowhere", "--at", "latest", "-c", "SELECT 1"}),
                kFailed, HasSubstr("nowhere"));
  EXPECT_FALSE(Exists(folder_ / "nowhere"));
  WriteFile(archive() + "/identity", "{ not json");
  ExpectOneLine(Replay("latest"), kDamaged, HasSubstr("identity"));
}

TEST_F(BadArchiveTest, CommandLinesThatAreNone) {
  ExpectOneLine(Trunkline({}), kUsage, testing::_);
  ExpectOneLine(Trunkline({"frobnicate"}), kUsage, testing::_);
  ExpectOneLine(Trunkline({"replay"}), kUsage, HasSubstr("ARCHIVE"));
  ExpectOneLine(Trunkline({"replay", archive()}), kUsage, HasSubstr("--"));
  ExpectOneLine(Trunkline({"replay", archive(), "--at", "latest"}), kUsage, HasSubstr("--to"));
  ExpectOneLine(Trunkline({"query", archive(), "--at", "latest"}), kUsage, ContainsRegex("-c|-f"));
  ExpectOneLine(Trunkline({"log", archive(), "--format", "morse"}), kUsage, HasSubstr("format"));
  ExpectOneLine(Trunkline({"query", archive(), "--at", "latest", "-c", "SELECT 1", "--as-of",
                           "2016-11-30 09:29:00"}),
                kUsage, HasSubstr("offset"));
}

}  // namespace
}  // namespace trunkline::test
