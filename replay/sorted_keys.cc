#include "replay/sorted_keys.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "replay/spill_database.h"

namespace trunkline {
namespace {

constexpr size_t kChunkBytes = 64 << 10;

}  // namespace

SortedKeys::SortedKeys(uint64_t memory_bytes, std::string directory)
    : limit_(memory_bytes / 4 * 3),
      database_bytes_(memory_bytes / 4),
      directory_(std::move(directory)) {}

SortedKeys::~SortedKeys() = default;
SortedKeys::SortedKeys(SortedKeys&&) noexcept = default;

Result<void> SortedKeys::Add(std::string_view key) {
  if (on_disk()) return PutOnDisk(key);
  // A vector that grows is there twice for a while.
  const uint64_t more = keys_.size() == keys_.capacity() ? 2 * keys_.size() * sizeof keys_[0] : 0;
  if (memory_bytes() + more + key.size() > limit_) {
    TRY(MoveToDisk());
    return PutOnDisk(key);
  }
  keys_.push_back(Keep(key));
  return {};
}

Result<void> SortedKeys::MoveToDisk() {
  ASSIGN_OR_RETURN(database_, SpillDatabase::Open(directory_, database_bytes_));
  prefix_ = database_->NewPrefix();
  for (const std::string_view key : keys_) TRY(PutOnDisk(key));
  keys_ = std::vector<std::string_view>();  // {} would keep its room
  chunks_.clear();
  chunk_bytes_ = 0;
  return {};
}

Result<void> SortedKeys::PutOnDisk(std::string_view key) {
  prefixed_.assign(prefix_).append(key);
  return database_->Put(prefixed_, {});
}

std::string_view SortedKeys::Keep(std::string_view key) {
  if (key.size() > free_bytes_) {
    free_bytes_ = std::max(key.size(), kChunkBytes);
    free_ = chunks_.emplace_back(new char[free_bytes_]).get();
    chunk_bytes_ += free_bytes_;
  }
  std::memcpy(free_, key.data(), key.size());
  free_bytes_ -= key.size();
  return {std::exchange(free_, free_ + key.size()), key.size()};
}

void SortedKeys::Sort() { std::sort(keys_.begin(), keys_.end()); }

Result<void> SortedKeys::ForEach(
    const std::function<Result<void>(std::string_view key)>& visit) const {
  for (const std::string_view key : keys_) TRY(visit(key));
  if (!on_disk()) return {};
  const auto entries = database_->Entries(prefix_, SpillDatabase::Access::kScan);
  for (entries->Seek(prefix_); entries->valid(); entries->Next()) {
    TRY(visit(entries->key().substr(prefix_.size())));
  }
  return entries->status();
}

}  // namespace trunkline
