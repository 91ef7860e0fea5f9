// ReadAhead: the blocks of several segments in order, decoded on threads of its own ahead of their
// use.
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
#include "replay/prepared_block.h"

namespace trunkline {

class ReadAhead {
 public:
  struct Item {
    std::shared_ptr<const SegmentReader> reader;
    size_t index = 0;       // into reader->blocks()
    uint64_t position = 0;  // where it ends, in bytes of all objects together
    DecodedBlock block;
    PreparedBlock prepared;  // where somebody prepares it

    const BlockStats& stats() const { return reader->blocks()[index]; }
  };
  // Whether a block is to be decoded; asked in the order of the blocks, by one thread at a time,
  // none of them the caller's.
  using Filter = std::function<bool(const SegmentReader& reader, const BlockStats& block)>;
  // What else to do with a block that is decoded; called by several threads at once.
  using Prepare = std::function<void(Item* item)>;

  // `store` is not owned. `objects` are segments; all blocks pass where `wanted` is null. As many
  // threads as the machine has cores, up to a few; two more blocks than threads are in memory.
  ReadAhead(const Store& store, std::vector<ObjectInfo> objects, Filter wanted,
            BlockForm form = BlockForm::kTuples, Prepare prepare = nullptr);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // The next block, valid until the next call; null after the last one. kCorrupt also when a
  // segment is not the successor, by its digest, of the one read before it.
  Result<const Item*> Next();

 private:
  // A segment that is being opened, or of which blocks are still to be handed out.
  struct Segment {
    uint64_t position = 0;  // of its begin
    bool opened = false;
    Result<std::shared_ptr<const SegmentReader>> reader;
    bool checked = false;  // to follow the one before it
    size_t next_block = 0;
    bool found = false;  // next_block is wanted
  };
  // A block that is being decoded, or is ready.
  struct Slot {
    bool ready = false;
    Result<void> outcome;
    std::unique_ptr<Item> item;
  };

  void Run(const std::stop_token& stop);
  bool FindBlock();
  bool CanOpen() const;
  void OpenNext(std::unique_lock<std::mutex>* lock);
  void DecodeNext(std::unique_lock<std::mutex>* lock);
  Result<void> CheckSuccession(const SegmentReader& reader);
  void End(Result<void> outcome);

  const Store& store_;
  const std::vector<ObjectInfo> objects_;
  const Filter wanted_;
  const BlockForm form_;
  const Prepare prepare_;
  const size_t most_segments_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_, like the rest.
  size_t next_object_ = 0;      // to be opened
  uint64_t next_position_ = 0;  // of its begin
  std::deque<std::shared_ptr<Segment>> segments_;
  std::deque<std::shared_ptr<Slot>> slots_;   // in the order of the blocks
  std::vector<std::unique_ptr<Item>> spare_;  // their memory is used again
  std::optional<Result<void>> end_;  // no block is handed out any more; what comes after the slots
  Lsn last_end_;                     // of the segment read before
  std::string last_digest_;          // likewise

  std::unique_ptr<Item> current_;      // the caller's
  std::vector<std::jthread> threads_;  // last: they use everything above
};

}  // namespace trunkline
