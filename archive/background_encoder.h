// BackgroundEncoder: encodes one block on a thread of its own while its owner fills the next.
#pragma once

#include <future>
#include <string>
#include <utility>

#include "archive/block_contents.h"
#include "archive/block_stream.h"
#include "archive/segment.h"

namespace trunkline {

struct EncodedBlock {
  std::string bytes;
  BlockStats stats;
};

// Used by one thread at a time. Its destructor waits for the block under way.
class BackgroundEncoder {
 public:
  explicit BackgroundEncoder(int zstd_level) : stream_(zstd_level) {}

  // Only while not busy(). The relations of `contents` must outlive the encoding.
  void Start(BlockContents contents);
  // From Start to Wait.
  bool busy() const { return encoding_.valid(); }
  // Only while busy().
  EncodedBlock Wait() { return encoding_.get(); }
  // Of the values in the block under way; 0 where there is none.
  uint64_t raw_bytes() const { return busy() ? contents_.raw_bytes : 0; }
  // The contents encoded last, for their memory. Only while not busy().
  BlockContents TakeSpare() { return std::move(contents_); }

 private:
  BlockContents contents_;
  StreamWriter stream_;
  std::future<EncodedBlock> encoding_;  // last: its thread uses everything above
};

}  // namespace trunkline
