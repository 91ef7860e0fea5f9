// ReadAhead: the blocks of several segments in order, decoded on a thread of its own ahead of
// their use.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "archive/segment_reader.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

class ReadAhead {
 public:
  struct Item {
    std::shared_ptr<const SegmentReader> reader;
    size_t index = 0;       // into reader->blocks()
    uint64_t position = 0;  // where it ends, in bytes of all objects together
    DecodedBlock block;

    const BlockStats& stats() const { return reader->blocks()[index]; }
  };
  // Whether a block is to be decoded; called on the stream's thread.
  using Filter = std::function<bool(const SegmentReader& reader, const BlockStats& block)>;

  // `store` is not owned. `objects` are segments; all blocks pass where `wanted` is null.
  ReadAhead(const Store& store, std::vector<ObjectInfo> objects, Filter wanted);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // The next block, valid until the next call; null after the last one. kCorrupt also when a
  // segment is not the successor, by its digest, of the one read before it.
  Result<const Item*> Next();

 private:
  void Run(const std::stop_token& stop);
  Result<void> CheckSuccession(const SegmentReader& reader);
  Result<void> ReadSegment(const std::stop_token& stop, const ObjectInfo& object,
                           uint64_t position);
  std::unique_ptr<Item> TakeSpare(const std::stop_token& stop);

  const Store& store_;
  const std::vector<ObjectInfo> objects_;
  const Filter wanted_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::unique_ptr<Item>> ready_;   // guarded by mutex_, like the rest
  std::vector<std::unique_ptr<Item>> spare_;  // their memory is used again
  Result<void> outcome_;
  bool finished_ = false;

  Lsn last_end_;             // of the segment read before; the thread's alone
  std::string last_digest_;  // likewise

  std::unique_ptr<Item> current_;  // the caller's
  std::jthread thread_;            // last: it uses everything above
};

}  // namespace trunkline
