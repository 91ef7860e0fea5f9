// The worked example of docs/segment_format.md is what the writer writes.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/unit/archive/recorded_transactions.h"

namespace trunkline {
namespace {

using namespace test;

// The bytes between "```hex" and "```", without offsets and remarks.
std::string BytesOfDocument() {
  std::ifstream file(TRUNKLINE_SOURCE_FOLDER "/docs/segment_format.md");
  std::string bytes;
  std::string line;
  while (std::getline(file, line) && line != "```hex") continue;
  while (std::getline(file, line) && line != "```") {
    std::istringstream words(line.substr(0, line.find('|')));
    std::string word;
    words >> word;
    EXPECT_EQ(std::stoul(word, nullptr, 16), bytes.size()) << line;
    while (words >> word) bytes += static_cast<char>(std::stoul(word, nullptr, 16));
  }
  return bytes;
}

std::vector<OwnedTransaction> RenamingEric() {
  const Relation pets{16385,
                      "public",
                      "pets",
                      ReplicaIdentity::kDefault,
                      {{"id", 23, -1, true, "", ""}, {"name", 25, -1, false, "", ""}}};
  OwnedTransaction transaction;
  transaction.info.xid = Xid{731};
  transaction.info.commit_lsn = Lsn{0x1500100};
  transaction.info.end_lsn = Lsn{0x1500130};
  transaction.info.commit_time = Timestamp{533'871'000'000'000};
  transaction.changes.resize(2);
  transaction.changes[0].relations = {pets};
  transaction.changes[0].new_tuple = {Text("7"), Text("Eric")};
  transaction.changes[1].operation = Operation::kUpdate;
  transaction.changes[1].relations = {pets};
  transaction.changes[1].new_tuple = {Text("7"), Text("Emma")};
  return {transaction};
}

SegmentHeader ExampleHeader() {
  SegmentHeader header;
  header.begin = Lsn{0x1500000};
  header.end = Lsn{0x1500200};
  header.timeline = 1;
  header.server_version = 150018;
  return header;
}

TEST(SegmentDocument, ExampleIsWhatTheWriterWrites) {
  EXPECT_EQ(BytesOfDocument(), EncodeSegment(RenamingEric(), {}, ExampleHeader()));
}

TEST(SegmentDocument, ExampleIsWhatTheReaderReads) {
  const auto read = DecodeSegment(BytesOfDocument());
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_TRUE(*read == RenamingEric());
}

}  // namespace
}  // namespace trunkline
