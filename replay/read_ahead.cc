#include "replay/read_ahead.h"

#include <utility>

#include "archive/listed_segment.h"

namespace trunkline {
namespace {

// Blocks decoded and not yet used, the one in use and the one being decoded. More would only cost
// memory: one thread is always the slower one.
constexpr size_t kItems = 5;

}  // namespace

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
  last_digest_ = reader.digest();
  return {};
}

ReadAhead::ReadAhead(const Store& store, std::vector<ObjectInfo> objects, Filter wanted)
    : store_(store), objects_(std::move(objects)), wanted_(std::move(wanted)) {
  for (size_t i = 0; i < kItems; ++i) spare_.push_back(std::make_unique<Item>());
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

ReadAhead::~ReadAhead() = default;

Result<const ReadAhead::Item*> ReadAhead::Next() {
  std::unique_lock lock(mutex_);
  if (current_ != nullptr) {
    current_->reader.reset();
    spare_.push_back(std::move(current_));
    changed_.notify_all();
  }
  changed_.wait(lock, [this] { return !ready_.empty() || finished_; });
  if (ready_.empty()) {
    TRY(outcome_);
    return static_cast<const Item*>(nullptr);
  }
  current_ = std::move(ready_.front());
  ready_.pop_front();
  return static_cast<const Item*>(current_.get());
}

std::unique_ptr<ReadAhead::Item> ReadAhead::TakeSpare(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [this] { return !spare_.empty(); })) return nullptr;
  std::unique_ptr<Item> item = std::move(spare_.back());
  spare_.pop_back();
  return item;
}

Result<void> ReadAhead::ReadSegment(const std::stop_token& stop, const ObjectInfo& object,
                                    uint64_t position) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const SegmentReader> reader,
                   OpenListed(store_, object.name));
  TRY(CheckSuccession(*reader));
  for (size_t index = 0; index < reader->blocks().size(); ++index) {
    if (wanted_ && !wanted_(*reader, reader->blocks()[index])) continue;
    std::unique_ptr<Item> item = TakeSpare(stop);
    if (item == nullptr) return {};
    TRY(reader->ReadBlock(index, &item->block));
    item->reader = reader;
    item->index = index;
    item->position = position + item->stats().offset + item->stats().size;
    const std::scoped_lock lock(mutex_);
    ready_.push_back(std::move(item));
    changed_.notify_all();
  }
  return {};
}

void ReadAhead::Run(const std::stop_token& stop) {
  Result<void> outcome;
  uint64_t position = 0;
  for (const ObjectInfo& object : objects_) {
    if (stop.stop_requested()) break;
    outcome = ReadSegment(stop, object, position);
    if (!outcome) break;
    position += object.size;
  }
  const std::scoped_lock lock(mutex_);
  outcome_ = std::move(outcome);
  finished_ = true;
  changed_.notify_all();
}

}  // namespace trunkline
