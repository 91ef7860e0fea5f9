// RelationFile: the file of a table or index in a data folder whose server is stopped.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace trunkline {

// A relation larger than a segment goes on in PATH.1, PATH.2 and so on, which belong to the same
// user as PATH. Any number of threads may write.
class RelationFile {
 public:
  // `path` is there, and as empty as the server makes it.
  static Result<RelationFile> Open(const std::string& path, uint64_t segment_bytes);
  RelationFile(RelationFile&& other) noexcept;
  ~RelationFile();

  // Whole pages, from page number `block` on.
  Result<void> Write(uint32_t block, std::string_view pages);
  // The page, of the first segment.
  Result<std::string> Read(uint32_t block) const;
  Result<uint64_t> size() const;  // of the first segment
  // Takes back everything written.
  Result<void> Clear();

  // A new file beside it, for which there is no segment: PATH and `suffix`.
  Result<void> WriteBeside(const std::string& suffix, std::string_view content) const;

 private:
  RelationFile(std::string path, uint64_t segment_bytes)
      : path_(std::move(path)), segment_bytes_(segment_bytes) {}

  Result<int> Segment(uint64_t number);
  Result<int> Create(const std::string& path) const;

  std::string path_;
  uint64_t segment_bytes_;
  std::mutex mutex_;
  std::vector<int> segments_;  // open
};

}  // namespace trunkline
