#include "archive/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <thread>
#include <utility>

#include "archive/atomic_file.h"

namespace trunkline {
namespace {

constexpr std::chrono::milliseconds kPause{5};

// Whether `path` still names the open file: its last owner removes it.
bool Names(const std::string& path, int fd) {
  struct stat named {};
  struct stat open_file {};
  return stat(path.c_str(), &named) == 0 && fstat(fd, &open_file) == 0 &&
         named.st_dev == open_file.st_dev && named.st_ino == open_file.st_ino;
}

// The descriptor, or nothing when somebody else has the lock, or just had it.
Result<std::optional<int>> TryOnce(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return Fail(FileError("cannot lock " + path, errno));
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && Names(path, fd)) return std::optional<int>(fd);
  const int error_number = errno;
  const bool passing = error_number == EWOULDBLOCK || error_number == EINTR || !Names(path, fd);
  close(fd);
  if (passing) return std::optional<int>();
  return Fail(FileError("cannot lock " + path, error_number));
}

}  // namespace

FileLock::FileLock(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

FileLock::FileLock(FileLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

FileLock::~FileLock() {
  if (fd_ < 0) return;
  unlink(path_.c_str());
  close(fd_);
}

Result<FileLock> FileLock::Take(const std::string& path, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<int> fd, TryOnce(path));
    if (fd.has_value()) return FileLock(*fd, path);
    if (std::chrono::steady_clock::now() >= deadline) {
      return Fail(ErrorKind::kUnavailable, "another process holds the lock " + path,
                  "it is waited for; end that process if it hangs or is stopped");
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace trunkline
