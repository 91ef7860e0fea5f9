// ScratchFolder: a folder for the scratch files of one process. It goes with the object; should the
// process be killed, the next one removes it.
#pragma once

#include <string>

#include "archive/file_lock.h"
#include "base/error.h"

namespace trunkline {

class ScratchFolder {
 public:
  // Makes a folder in `parent`, readable by its owner alone: row values lie in it.
  static Result<ScratchFolder> Make(const std::string& parent);
  // Removes the folder and all in it.
  ~ScratchFolder();
  ScratchFolder(ScratchFolder&& other) noexcept;
  ScratchFolder& operator=(ScratchFolder&&) = delete;

  const std::string& path() const { return path_; }

  // Removes what processes that are no more have left in `parent`. Best effort.
  static void RemoveAbandoned(const std::string& parent);

 private:
  ScratchFolder(std::string path, FileLock lock);

  std::string path_;
  FileLock lock_;
};

}  // namespace trunkline
