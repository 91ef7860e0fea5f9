// Parses one pgoutput message. No input crashes it or makes it allocate more than a small multiple
// of the message's own size.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "decoder/message.h"

namespace trunkline::pgoutput {

struct ParseContext {
  // Whether the message stands between StreamStart and StreamStop: most messages then carry a
  // transaction id first. The assembler keeps track.
  bool in_stream = false;
};

// Room that Parse uses again from message to message, so that a tuple costs no allocation.
struct ParseScratch {
  std::vector<Value> old_tuple;
  std::vector<Value> new_tuple;
  std::vector<uint32_t> relation_oids;
};

// `bytes` is the payload of one XLogData message and must outlive the Message. The Message's tuples
// lie in `scratch` and are valid until the next Parse with it. Errors are kCorrupt: too short,
// bytes left over, a state or flag that the protocol does not have. Works for all protocol
// versions; what the versions differ in shows in the message itself.
Result<Message> Parse(std::string_view bytes, const ParseContext& context, ParseScratch* scratch);

}  // namespace trunkline::pgoutput
