#include "daemon/stream_messages.h"

namespace trunkline {
namespace {

constexpr size_t kXLogDataHeaderBytes = 1 + 8 + 8 + 8;
constexpr size_t kKeepaliveBytes = 1 + 8 + 8 + 1;

uint64_t ReadUint64(std::string_view bytes, size_t offset) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
  }
  return value;
}

char* WriteUint64(uint64_t value, char* to) {
  for (int shift = 56; shift >= 0; shift -= 8) *to++ = static_cast<char>(value >> shift);
  return to;
}

}  // namespace

Result<StreamMessage> ParseStreamMessage(std::string_view frame) {
  const char kind = frame.empty() ? '\0' : frame[0];
  if (kind == 'w' && frame.size() >= kXLogDataHeaderBytes) {
    return StreamMessage(XLogData{Lsn{ReadUint64(frame, 1)}, frame.substr(kXLogDataHeaderBytes)});
  }
  if (kind == 'k' && frame.size() == kKeepaliveBytes) {
    return StreamMessage(Keepalive{Lsn{ReadUint64(frame, 1)}, frame[17] != 0});
  }
  return Fail(ErrorKind::kCorrupt, "a frame of the replication stream is malformed");
}

std::array<char, kStatusBytes> StatusMessage(const StandbyStatus& status, Timestamp now,
                                             bool request_reply) {
  std::array<char, kStatusBytes> message{};
  char* to = message.data();
  *to++ = 'r';
  to = WriteUint64(status.write.value, to);
  to = WriteUint64(status.flush.value, to);
  to = WriteUint64(status.flush.value, to);  // applied
  to = WriteUint64(static_cast<uint64_t>(now.micros), to);
  *to = request_reply ? 1 : 0;
  return message;
}

}  // namespace trunkline
