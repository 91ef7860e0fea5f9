// ReversedRecords: text that is written first piece first and read last piece first, in bounded
// memory whatever its size.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "archive/scratch_buffer.h"
#include "base/error.h"

namespace trunkline {

class ReversedRecords {
 public:
  // Records beyond `memory_bytes` go to a file in `directory` that has no name.
  ReversedRecords(uint64_t memory_bytes, std::string directory);

  // kUnavailable where the disk is full.
  Result<void> Append(std::string_view record);
  // Passes all bytes on, the newest record first, each from its front; a long one in pieces.
  Result<void> ForEach(const std::function<Result<void>(std::string_view piece)>& visit) const;

 private:
  ScratchBuffer records_;  // each with its length, eight bytes, behind it
};

}  // namespace trunkline
