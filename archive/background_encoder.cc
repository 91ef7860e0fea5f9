#include "archive/background_encoder.h"

#include <xxhash.h>

#include "archive/block_encoder.h"
#include "archive/block_stats.h"
#include "base/check.h"

namespace trunkline {

void BackgroundEncoder::Start(BlockContents contents) {
  CHECK(!busy());
  contents_ = std::move(contents);
  // A thread a block: starting one is nothing beside encoding megabytes. Where the system has none
  // to give, this policy encodes in Wait.
  encoding_ = std::async(std::launch::async | std::launch::deferred, [this] {
    EncodedBlock block{.bytes = {}, .stats = StatsOf(contents_)};
    EncodeBlock(contents_, &stream_, &block.bytes);
    block.stats.size = block.bytes.size();
    block.stats.checksum = XXH3_64bits(block.bytes.data(), block.bytes.size());
    return block;
  });
}

}  // namespace trunkline
