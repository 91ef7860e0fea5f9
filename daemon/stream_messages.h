// The frames inside CopyBoth of the streaming replication protocol (manual: "Streaming Replication
// Protocol", START_REPLICATION).
#pragma once

#include <array>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "base/lsn.h"
#include "base/timestamp.h"
#include "daemon/feedback.h"

namespace trunkline {

struct XLogData {
  Lsn wal_start;             // of the change; 0 where the server gives none
  std::string_view payload;  // borrowed from the frame
};

struct Keepalive {
  Lsn wal_end;  // everything that committed before it has been sent
  bool reply_requested = false;
};

using StreamMessage = std::variant<XLogData, Keepalive>;

// kCorrupt for a frame that is too short or of another kind.
Result<StreamMessage> ParseStreamMessage(std::string_view frame);

inline constexpr size_t kStatusBytes = 34;
std::array<char, kStatusBytes> StatusMessage(const StandbyStatus& status, Timestamp now,
                                             bool request_reply);

}  // namespace trunkline
