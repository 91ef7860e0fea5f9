// FileLock: excludes other processes, until it is destroyed or its process ends, however it ends.
#pragma once

#include <chrono>
#include <string>

#include "base/error.h"

namespace trunkline {

class FileLock {
 public:
  // Locks the file `path`, made where it is missing. kUnavailable when another process, or another
  // lock of this one, holds it for longer than `patience`. A file of its own, rather than the
  // folder: network file systems lock only what is open for writing.
  static Result<FileLock> Take(const std::string& path, std::chrono::milliseconds patience);
  // Removes the file.
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;

 private:
  FileLock(int fd, std::string path);

  int fd_;
  std::string path_;
};

}  // namespace trunkline
