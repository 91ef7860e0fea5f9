#include "daemon/stream_messages.h"

#include <gtest/gtest.h>

#include <string>

#include "daemon/replication_stream.h"

namespace trunkline {
namespace {

std::string BigEndian(uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::string XLogDataFrame(uint64_t start, std::string_view payload) {
  return "w" + BigEndian(start) + BigEndian(start) + BigEndian(0) + std::string(payload);
}

std::string KeepaliveFrame(uint64_t end, bool reply) {
  return "k" + BigEndian(end) + BigEndian(7) + std::string(1, reply ? '\1' : '\0');
}

TEST(StreamMessages, XLogData) {
  const std::string frame = XLogDataFrame(0x16B374D848, "Bpayload");
  const Result<StreamMessage> message = ParseStreamMessage(frame);
  ASSERT_TRUE(message);
  const auto& data = std::get<XLogData>(*message);
  EXPECT_EQ(data.wal_start, (Lsn{0x16B374D848}));
  EXPECT_EQ(data.payload, "Bpayload");
  EXPECT_EQ(data.payload.data(), frame.data() + 25);
}

TEST(StreamMessages, Keepalive) {
  const Result<StreamMessage> quiet = ParseStreamMessage(KeepaliveFrame(99, false));
  EXPECT_EQ(std::get<Keepalive>(*quiet).wal_end, (Lsn{99}));
  EXPECT_FALSE(std::get<Keepalive>(*quiet).reply_requested);
  const Result<StreamMessage> asking = ParseStreamMessage(KeepaliveFrame(99, true));
  EXPECT_TRUE(std::get<Keepalive>(*asking).reply_requested);
}

TEST(StreamMessages, AFrameCutAnywhereOrOfAnotherKindIsCorrupt) {
  const std::string keepalive = KeepaliveFrame(99, true);
  for (size_t size = 0; size < keepalive.size(); ++size) {
    EXPECT_FALSE(ParseStreamMessage(std::string_view(keepalive).substr(0, size)));
  }
  EXPECT_FALSE(ParseStreamMessage(keepalive + "x"));
  const std::string data = XLogDataFrame(1, "");
  for (size_t size = 0; size < data.size(); ++size) {
    EXPECT_FALSE(ParseStreamMessage(std::string_view(data).substr(0, size)));
  }
  EXPECT_TRUE(ParseStreamMessage(data));
  EXPECT_FALSE(ParseStreamMessage("x" + data));
}

TEST(StreamMessages, StatusIsWhatTheManualSays) {
  const auto bytes = StatusMessage({Lsn{300}, Lsn{200}}, Timestamp{12345}, true);
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()),
            "r" + BigEndian(300) + BigEndian(200) + BigEndian(200) + BigEndian(12345) + '\1');
}

TEST(StartReplication, AsksForTheHighestProtocolAndQuotesNames) {
  const StreamOptions options{
      .slot = "trunkline", .publication = "it's \"odd\"", .start = Lsn{0x16B374D848}};
  EXPECT_EQ(StartReplicationCommand(options, 150018),
            "START_REPLICATION SLOT \"trunkline\" LOGICAL 16/B374D848 (proto_version '3',"
            " publication_names '\"it''s \"\"odd\"\"\"', messages 'true', streaming 'on',"
            " binary 'false')");
  EXPECT_NE(StartReplicationCommand(options, 140000).find("proto_version '2'"), std::string::npos);
  EXPECT_NE(StartReplicationCommand(options, 180000).find("proto_version '4'"), std::string::npos);
}

}  // namespace
}  // namespace trunkline
