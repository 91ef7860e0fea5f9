// ByteSource: bytes of known size that can be read at any offset: an object of a store, a file, a
// finished segment on its way into a store.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace trunkline {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  // Fills `buffer` with exactly `length` bytes from `offset`. kTruncated when the bytes end before;
  // `offset + length` beyond size() is an error, never a short read. Safe to call from any number
  // of threads at once.
  virtual Result<void> Read(uint64_t offset, char* buffer, size_t length) const = 0;
};

// Owns the bytes.
std::unique_ptr<ByteSource> NewMemorySource(std::string bytes);
// Opens a regular file; the file must not shrink while it is in use.
Result<std::unique_ptr<ByteSource>> OpenFileSource(const std::string& path);
// Reads the whole source. kFailed when it is larger than `limit` bytes.
Result<std::string> ReadAll(const ByteSource& source, uint64_t limit);
// Whether both have the same bytes; in little memory, whatever their size.
Result<bool> SameContent(const ByteSource& left, const ByteSource& right);

}  // namespace trunkline
