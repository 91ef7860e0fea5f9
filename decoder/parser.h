// Parses one pgoutput message. No input crashes it or makes it allocate more than a small multiple
// of the message's own size.
#pragma once

#include <string_view>

#include "base/error.h"
#include "decoder/message.h"

namespace trunkline::pgoutput {

struct ParseContext {
  // Whether the message stands between StreamStart and StreamStop: most messages then carry a
  // transaction id first. The assembler keeps track.
  bool in_stream = false;
};

// `bytes` is the payload of one XLogData message and must outlive the Message. Errors are kCorrupt:
// too short, bytes left over, a state or flag that the protocol does not have. Works for all
// protocol versions; what the versions differ in shows in the message itself.
Result<Message> Parse(std::string_view bytes, const ParseContext& context);

}  // namespace trunkline::pgoutput
