// StagingDirectory: a directory that appears under its name whole or not at all.
#pragma once

#include <string>

#include "base/error.h"

namespace trunkline {

// kAlreadyExists when `path` is something else than an empty directory, unless `force` is given and
// it is a directory; kDenied or kInvalidArgument where a directory cannot take that name.
Result<void> CheckReplaceable(const std::string& path, bool force);

// The folder in which `path` is made, or the missing folders above it.
std::string NearestExistingFolder(const std::string& path);

class StagingDirectory {
 public:
  // Makes a hidden directory beside `target`, and target's parents where they are missing.
  static Result<StagingDirectory> MakeFor(const std::string& target);
  StagingDirectory(StagingDirectory&& other) noexcept;
  StagingDirectory& operator=(StagingDirectory&&) = delete;
  // Removes it and all that is in it, unless it was published.
  ~StagingDirectory();

  const std::string& path() const { return path_; }

  // Gives it the target's name, durably; its files are durable already. An empty directory of that
  // name is replaced, one that holds data only if `force`.
  Result<void> Publish(bool force);

 private:
  StagingDirectory(std::string path, std::string target);

  std::string path_;  // empty: nothing to remove
  std::string target_;
};

}  // namespace trunkline
