// CsvFile: a file written once from front to back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace trunkline {

class CsvFile {
 public:
  // Creates `path`, which must not exist.
  static Result<CsvFile> Create(const std::string& path);
  CsvFile(CsvFile&& other) noexcept;
  CsvFile& operator=(CsvFile&&) = delete;
  ~CsvFile();

  Result<void> Write(std::string_view bytes);
  // Makes the content durable and closes the file.
  Result<void> Finish();

 private:
  CsvFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_;
  std::string path_;
  uint64_t written_bytes_ = 0;
  uint64_t flushed_bytes_ = 0;  // what the kernel was told to begin writing to disk
};

}  // namespace trunkline
