#include "archive/scratch_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "archive/atomic_file.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "trunkline-scratch-";
constexpr std::string_view kLock = "/lock";
// Another process may remove a folder between its making and its locking.
constexpr int kMaxAttempts = 8;
constexpr std::chrono::milliseconds kNoPatience{0};

void RemoveAll(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

// A folder of this user, and no link to somewhere else: the parent may be open to all, as /tmp is.
bool IsOurs(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

}  // namespace

ScratchFolder::ScratchFolder(std::string path, FileLock lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}

ScratchFolder::~ScratchFolder() {
  if (!path_.empty()) RemoveAll(path_);
}

Result<ScratchFolder> ScratchFolder::Make(const std::string& parent) {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    std::string path = parent + "/" + std::string(kPrefix) + "XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
      return Fail(FileError("cannot make a folder for scratch files in " + parent, errno));
    }
    Result<FileLock> lock = FileLock::Take(path + std::string(kLock), kNoPatience);
    if (lock) return ScratchFolder(std::move(path), *std::move(lock));
    RemoveAll(path);
    if (lock.error().kind != ErrorKind::kUnavailable && lock.error().kind != ErrorKind::kNotFound) {
      return Fail(std::move(lock).error());
    }
  }
  return Fail(ErrorKind::kUnavailable, "cannot make a folder for scratch files in " + parent);
}

void ScratchFolder::RemoveAbandoned(const std::string& parent) {
  std::vector<std::string> folders;
  std::error_code error;
  for (fs::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().native().starts_with(kPrefix)) folders.push_back(it->path().native());
  }
  for (const std::string& folder : folders) {
    if (!IsOurs(folder)) continue;
    const Result<FileLock> lock = FileLock::Take(folder + std::string(kLock), kNoPatience);
    if (lock) RemoveAll(folder);
  }
}

}  // namespace trunkline
