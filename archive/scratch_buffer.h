// ScratchBuffer: bytes that grow at the end, in memory at first, then in an unlinked file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace trunkline {

class ScratchBuffer {
 public:
  // Bytes beyond `memory_bytes` go to a file in `directory` that has no name, so that nothing is
  // left behind however the process ends.
  ScratchBuffer(uint64_t memory_bytes, std::string directory);
  ~ScratchBuffer();
  ScratchBuffer(ScratchBuffer&& other) noexcept;
  ScratchBuffer& operator=(ScratchBuffer&&) = delete;

  uint64_t size() const { return memory_.size() + file_size_; }
  bool spilled() const { return fd_ >= 0; }

  // After an error, kUnavailable where the disk is full, the buffer must not be used again.
  Result<void> Append(std::string_view bytes);
  // `offset + length` must not be beyond size(). Any number of threads, while none appends.
  Result<void> Read(uint64_t offset, char* buffer, size_t length) const;

 private:
  Result<void> OpenFile();
  Result<void> AppendToFile(std::string_view bytes);
  Result<void> ReadFromFile(uint64_t offset, char* buffer, size_t length) const;

  uint64_t memory_bytes_;
  std::string directory_;
  std::string memory_;
  int fd_ = -1;
  uint64_t file_size_ = 0;
};

}  // namespace trunkline
