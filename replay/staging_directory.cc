#include "replay/staging_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "archive/atomic_file.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;

Error HoldsData(const std::string& path) {
  return Error{ErrorKind::kAlreadyExists, path + " holds data already",
               "choose another destination, or replace it with --force"};
}

// Where it really is: without symbolic links and a trailing slash, and with a parent.
fs::path Normal(const std::string& path) {
  std::error_code error;
  fs::path normal = fs::weakly_canonical(fs::absolute(path, error), error);
  if (error) normal = fs::absolute(path, error).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

fs::path NearestThatExists(fs::path path) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

// A name can be given and taken only where it is no mount point, and in a folder that can be
// written into.
Result<void> CheckRenamable(const std::string& path) {
  const fs::path normal = Normal(path);
  struct stat own {};
  struct stat above {};
  if (stat(normal.c_str(), &own) == 0 && stat(normal.parent_path().c_str(), &above) == 0 &&
      own.st_dev != above.st_dev) {
    return Fail(ErrorKind::kInvalidArgument, path + " is a mount point, which cannot be replaced",
                "name a folder within it");
  }
  const fs::path folder = NearestThatExists(normal.parent_path());
  if (access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return Fail(FileError("cannot write into " + folder.string(), errno));
}

// Swaps the two names, so that there is no moment without a target.
bool Exchange(const std::string& a, const std::string& b) {
  return renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace

Result<void> CheckReplaceable(const std::string& path, bool force) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return CheckRenamable(path);
  if (status.type() == fs::file_type::none) {
    return Fail(ErrnoError("cannot look at " + path, error.value()));
  }
  if (status.type() != fs::file_type::directory) {
    return Fail(ErrorKind::kAlreadyExists, path + " is there and is no directory",
                "choose another destination");
  }
  const bool empty = fs::is_empty(path, error);
  if (error) return Fail(ErrnoError("cannot read " + path, error.value()));
  if (!empty && !force) return Fail(HoldsData(path));
  return CheckRenamable(path);
}

std::string NearestExistingFolder(const std::string& path) {
  return NearestThatExists(Normal(path).parent_path()).string();
}

StagingDirectory::StagingDirectory(std::string path, std::string target)
    : path_(std::move(path)), target_(std::move(target)) {}

StagingDirectory::StagingDirectory(StagingDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})), target_(std::move(other.target_)) {}

StagingDirectory::~StagingDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<StagingDirectory> StagingDirectory::MakeFor(const std::string& target) {
  const fs::path normal = Normal(target);
  const std::string parent = normal.parent_path().string();
  TRY(MakeDirectories(parent));
  // The process id keeps two rebuilds apart; what a killed one left is replaced.
  const std::string path = parent + "/" + std::string(kTemporaryPrefix) +
                           normal.filename().string() + "-" + std::to_string(getpid());
  std::error_code error;
  fs::remove_all(path, error);
  if (mkdir(path.c_str(), 0777) != 0) {
    return Fail(ErrnoError("cannot make a directory in " + parent, errno));
  }
  return StagingDirectory(path, normal.string());
}

Result<void> StagingDirectory::Publish(bool force) {
  TRY(SyncDirectory(path_));
  if (rename(path_.c_str(), target_.c_str()) == 0) {
    path_.clear();
  } else if (errno == ENOTEMPTY || errno == EEXIST) {
    if (!force) return Fail(HoldsData(target_));
    // What the target held has the hidden name now, and is removed with it.
    if (!Exchange(path_, target_)) return Fail(ErrnoError("cannot replace " + target_, errno));
  } else {
    return Fail(ErrnoError("cannot name the rebuilt directory " + target_, errno));
  }
  return SyncDirectory(fs::path(target_).parent_path().string());
}

}  // namespace trunkline
