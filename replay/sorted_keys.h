// SortedKeys: byte strings that come in any order and are read in that of their bytes, in bounded
// memory whatever their number.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace trunkline {

class SpillDatabase;

class SortedKeys {
 public:
  // Keys beyond `memory_bytes` go to a database in `directory`, which is gone with the object and
  // takes a quarter of it.
  SortedKeys(uint64_t memory_bytes, std::string directory);
  ~SortedKeys();
  SortedKeys(SortedKeys&&) noexcept;
  SortedKeys& operator=(SortedKeys&&) = delete;

  // No key twice. kUnavailable where the disk is full.
  Result<void> Add(std::string_view key);
  // After the last Add, before ForEach.
  void Sort();
  // A key is valid during its visit. As often as one likes.
  Result<void> ForEach(const std::function<Result<void>(std::string_view key)>& visit) const;

  bool on_disk() const { return database_ != nullptr; }
  // Of memory, without the database's.
  uint64_t memory_bytes() const { return chunk_bytes_ + keys_.capacity() * sizeof keys_[0]; }

 private:
  Result<void> MoveToDisk();
  Result<void> PutOnDisk(std::string_view key);
  std::string_view Keep(std::string_view key);

  uint64_t limit_;  // of memory_bytes()
  uint64_t database_bytes_;
  std::string directory_;
  std::vector<std::string_view> keys_;  // while all are in memory
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* free_ = nullptr;  // in the last chunk
  size_t free_bytes_ = 0;
  uint64_t chunk_bytes_ = 0;
  std::shared_ptr<SpillDatabase> database_;
  std::string prefix_;    // of the keys in the database
  std::string prefixed_;  // scratch
};

}  // namespace trunkline
