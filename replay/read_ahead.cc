#include "replay/read_ahead.h"

#include <algorithm>
#include <utility>

#include "archive/listed_segment.h"

namespace trunkline {
namespace {

// The thread that uses the blocks does not keep up with more.
constexpr unsigned kMostDecoders = 8;
// The block in use, and those decoded and not yet used. More would only cost memory.
constexpr size_t kMoreItems = 2;
// Beside one a thread: where they are small, opening them is most of the work.
constexpr size_t kMoreSegments = 2;

size_t DecoderCount() { return std::clamp(std::thread::hardware_concurrency(), 1U, kMostDecoders); }

}  // namespace

ReadAhead::ReadAhead(const Store& store, std::vector<ObjectInfo> objects, Filter wanted,
                     BlockForm form, Prepare prepare)
    : store_(store),
      objects_(std::move(objects)),
      wanted_(std::move(wanted)),
      form_(form),
      prepare_(std::move(prepare)),
      most_segments_(DecoderCount() + kMoreSegments) {
  const size_t threads = DecoderCount();
  for (size_t i = 0; i < threads + kMoreItems; ++i) spare_.push_back(std::make_unique<Item>());
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { Run(stop); });
  }
}

// All are told to stop before any is waited for.
ReadAhead::~ReadAhead() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

Result<const ReadAhead::Item*> ReadAhead::Next() {
  std::unique_lock lock(mutex_);
  if (current_ != nullptr) {
    current_->reader.reset();
    spare_.push_back(std::move(current_));
    changed_.notify_all();
  }
  changed_.wait(lock, [this] { return slots_.empty() ? end_.has_value() : slots_.front()->ready; });
  if (slots_.empty()) {
    TRY(*end_);
    return static_cast<const Item*>(nullptr);
  }
  const std::shared_ptr<Slot> slot = std::move(slots_.front());
  slots_.pop_front();
  if (!slot->outcome) {
    end_ = slot->outcome;
    slots_.clear();
    return Fail(slot->outcome.error());
  }
  current_ = std::move(slot->item);
  return static_cast<const Item*>(current_.get());
}

Result<void> ReadAhead::CheckSuccession(const SegmentReader& reader) {
  const SegmentHeader& header = reader.header();
  if (header.kind != SegmentKind::kChanges) return {};
  if (header.begin == last_end_ && header.previous_digest != last_digest_) {
    return Fail(
        ErrorKind::kCorrupt,
        reader.name() + " does not follow the segment before it: one of the two was replaced",
        "trunkline verify finds all damage");
  }
  last_end_ = header.end;
  last_digest_ = reader.chain_digest();
  return {};
}

void ReadAhead::End(Result<void> outcome) {
  if (!end_) end_ = std::move(outcome);
  changed_.notify_all();
}

// Moves on to the next block that is wanted; false where none can be handed out now.
bool ReadAhead::FindBlock() {
  while (!end_ && !segments_.empty() && segments_.front()->opened) {
    Segment& segment = *segments_.front();
    if (!segment.reader) {
      End(Fail(segment.reader.error()));
      return false;
    }
    const SegmentReader& reader = **segment.reader;
    if (!std::exchange(segment.checked, true)) {
      if (Result<void> follows = CheckSuccession(reader); !follows) {
        End(std::move(follows));
        return false;
      }
    }
    const std::span<const BlockStats> blocks = reader.blocks();
    for (; segment.next_block < blocks.size(); ++segment.next_block) {
      segment.found = segment.found || !wanted_ || wanted_(reader, blocks[segment.next_block]);
      if (segment.found) return true;
    }
    segments_.pop_front();
    changed_.notify_all();
  }
  if (!end_ && segments_.empty() && next_object_ == objects_.size()) End({});
  return false;
}

bool ReadAhead::CanOpen() const {
  return !end_ && next_object_ < objects_.size() && segments_.size() < most_segments_;
}

void ReadAhead::OpenNext(std::unique_lock<std::mutex>* lock) {
  const ObjectInfo& object = objects_[next_object_++];
  const auto segment = std::make_shared<Segment>();
  segment->position = std::exchange(next_position_, next_position_ + object.size);
  segments_.push_back(segment);
  lock->unlock();
  auto opened = OpenListed(store_, object.name);
  lock->lock();
  if (opened) {
    segment->reader = std::shared_ptr<const SegmentReader>(*std::move(opened));
  } else {
    segment->reader = Fail(std::move(opened).error());
  }
  segment->opened = true;
  changed_.notify_all();
}

// The block that FindBlock found.
void ReadAhead::DecodeNext(std::unique_lock<std::mutex>* lock) {
  Segment& segment = *segments_.front();
  const auto slot = std::make_shared<Slot>();
  slots_.push_back(slot);
  slot->item = std::move(spare_.back());
  spare_.pop_back();
  Item& item = *slot->item;
  item.reader = *segment.reader;
  item.index = segment.next_block++;
  segment.found = false;
  item.position = segment.position + item.stats().offset + item.stats().size;
  lock->unlock();
  Result<void> outcome = item.reader->ReadBlock(item.index, form_, &item.block);
  if (outcome && prepare_) prepare_(&item);
  lock->lock();
  slot->outcome = std::move(outcome);
  slot->ready = true;
  changed_.notify_all();
}

void ReadAhead::Run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && !end_) {
    if (FindBlock() && !spare_.empty()) {
      DecodeNext(&lock);
    } else if (CanOpen()) {
      OpenNext(&lock);
    } else {
      changed_.wait(lock, stop,
                    [this] { return (FindBlock() && !spare_.empty()) || CanOpen() || end_; });
    }
  }
}

}  // namespace trunkline
