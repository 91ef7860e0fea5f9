#include "archive/block_arena.h"

#include <algorithm>

namespace trunkline {
namespace {

constexpr size_t kMinChunkBytes = 256 << 10;
// More than this is given back between blocks: one huge row must not stay for ever.
constexpr size_t kMaxKeptBytes = 64 << 20;

}  // namespace

char* BlockArena::Reserve(size_t size) {
  if (chunks_.empty() || chunks_.back().size - used_ < size) {
    const size_t chunk = std::max(size, kMinChunkBytes);
    chunks_.push_back({std::unique_ptr<char[]>(new char[chunk]), chunk});
    used_ = 0;
  }
  return chunks_.back().bytes.get() + used_;
}

char* BlockArena::Allocate(size_t size) {
  char* bytes = Reserve(size);
  Commit(size);
  return bytes;
}

void BlockArena::Clear() {
  used_ = 0;
  if (chunks_.size() == 1 && chunks_.front().size <= kMaxKeptBytes) return;
  size_t total = 0;
  for (const Chunk& chunk : chunks_) total += chunk.size;
  chunks_.clear();
  if (total > 0) Reserve(std::min(total, kMaxKeptBytes));
}

}  // namespace trunkline
