// Header and footer between structures and Protobuf bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "archive/segment.h"
#include "base/error.h"

namespace trunkline {

struct SegmentFooter {
  std::vector<BlockStats> blocks;  // offsets are not kept: blocks follow one another
  uint64_t transactions = 0;
  uint64_t changes = 0;
};

// The same content gives the same bytes.
std::string SerializeHeader(const SegmentHeader& header,
                            const std::vector<const Relation*>& relations);
std::string SerializeFooter(const SegmentFooter& footer);

// kCorrupt when the bytes are not what Serialize gives.
Result<void> ParseHeader(std::string_view bytes, SegmentHeader* header,
                         std::vector<Relation>* relations);
// `relations`: how many there are to refer to.
Result<SegmentFooter> ParseFooter(std::string_view bytes, size_t relations);

}  // namespace trunkline
