#include "archive/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/fault.h"

namespace trunkline {
namespace {

constexpr size_t kCopyBytes = 1 << 20;
constexpr int kMaxAttempts = 8;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

// A hidden file, locked while it is written and unlinked on every path out.
struct TemporaryFile {
  TemporaryFile(FileDescriptor descriptor, std::string name)
      : fd(std::move(descriptor)), path(std::move(name)) {}
  TemporaryFile(TemporaryFile&& other) noexcept
      : fd(std::move(other.fd)), path(std::exchange(other.path, {})) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    if (!path.empty()) unlink(path.c_str());
  }

  FileDescriptor fd;
  std::string path;
};

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Unique among the machines that may share a file system: O_EXCL settles the rest.
std::string TemporaryName() {
  static std::atomic<uint64_t> counter{0};
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  char text[80];
  std::snprintf(text, sizeof text, "%llx-%x-%llx",
                static_cast<unsigned long long>(now.tv_sec * 1000000000LL + now.tv_nsec),
                static_cast<unsigned>(getpid()),
                static_cast<unsigned long long>(counter.fetch_add(1)));
  return std::string(kTemporaryPrefix) + text;
}

Result<TemporaryFile> CreateTemporary(const std::string& directory) {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    std::string path = directory + "/" + TemporaryName();
    FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!fd.valid() && errno == EEXIST) continue;
    if (!fd.valid()) return Fail(FileError("cannot write into " + directory, errno));
    TemporaryFile file(std::move(fd), std::move(path));
    // Another process's RemoveLeftovers may have come between open and flock.
    if (flock(file.fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) continue;
    struct stat status {};
    if (fstat(file.fd.get(), &status) == 0 && status.st_nlink == 0) continue;
    return file;
  }
  return Fail(ErrorKind::kUnavailable, "cannot make a temporary file in " + directory);
}

Result<void> WriteAll(const TemporaryFile& file, const char* bytes, size_t length) {
  while (length > 0) {
    FAULT("store.write");
    const size_t count = FAULT_VALUE("store.short_write", length, (length + 1) / 2);
    const ssize_t written = write(file.fd.get(), bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(FileError("cannot write " + file.path, errno));
    bytes += written;
    length -= static_cast<size_t>(written);
  }
  return {};
}

Result<void> Copy(const ByteSource& content, const TemporaryFile& file) {
  std::vector<char> buffer(std::min<uint64_t>(content.size(), kCopyBytes));
  for (uint64_t offset = 0; offset < content.size();) {
    const size_t length = std::min<uint64_t>(content.size() - offset, buffer.size());
    TRY(content.Read(offset, buffer.data(), length));
    TRY(WriteAll(file, buffer.data(), length));
    offset += length;
  }
  if (fsync(file.fd.get()) != 0) return Fail(FileError("cannot sync " + file.path, errno));
  return {};
}

// Gives `file` the name `path` unless something has it. File systems without hard links (FAT, some
// network ones) usually have the other way.
Result<void> Name(TemporaryFile* file, const std::string& path) {
  if (link(file->path.c_str(), path.c_str()) == 0) return {};
  const int link_error = errno;
  if (link_error != EPERM && link_error != EOPNOTSUPP && link_error != ENOSYS) {
    return Fail(FileError("cannot publish " + path, link_error));
  }
  if (renameat2(AT_FDCWD, file->path.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
    file->path.clear();
    return {};
  }
  return Fail(FileError("cannot publish " + path, errno == EINVAL ? link_error : errno));
}

bool RemoveIfAbandoned(const std::string& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid() || flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return false;
  return unlink(path.c_str()) == 0;
}

}  // namespace

Error FileError(std::string_view what, int error_number) {
  Error error = ErrnoError(what, error_number);
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      error.kind = ErrorKind::kUnavailable;
      error.hint = "free space there, or raise the quota";
      break;
    case EIO:
    case ESTALE:
    case ETIMEDOUT:
    case EHOSTDOWN:
    case ENODEV:
    case ENOTCONN:
    case ENXIO:
    case EREMOTEIO:
      error.kind = ErrorKind::kUnavailable;
      error.hint = "check the disk or the network file system, and the kernel's log";
      break;
    case EAGAIN:
    case EBUSY:
    case EINTR:
    case ENOMEM:
      error.kind = ErrorKind::kUnavailable;
      break;
    case EMFILE:
    case ENFILE:
      error.kind = ErrorKind::kUnavailable;
      error.hint = "raise the limit of open files (ulimit -n)";
      break;
    case EROFS:
      error.kind = ErrorKind::kDenied;
      error.hint = "the file system is mounted read-only";
      break;
    case EACCES:
    case EPERM:
      error.hint = "check the owner and mode of the path and of the folders above it";
      break;
    case EFBIG:
      error.hint = "raise the limit of the file size (ulimit -f)";
      break;
    case ENOTDIR:
      error.kind = ErrorKind::kInvalidArgument;
      error.hint = "a part of the path is a file where a folder is needed";
      break;
    default:
      break;
  }
  return error;
}

struct StagedFile::Temporary : TemporaryFile {
  explicit Temporary(TemporaryFile file) : TemporaryFile(std::move(file)) {}
};

StagedFile::StagedFile(std::unique_ptr<Temporary> file, std::string path)
    : file_(std::move(file)), path_(std::move(path)) {}
StagedFile::~StagedFile() = default;
StagedFile::StagedFile(StagedFile&&) noexcept = default;

Result<StagedFile> StagedFile::Write(const std::string& path, const ByteSource& content) {
  FAULT("store.before_temporary");
  ASSIGN_OR_RETURN(TemporaryFile file, CreateTemporary(ParentOf(path)));
  TRY(Copy(content, file));
  return StagedFile(std::make_unique<Temporary>(std::move(file)), path);
}

Result<void> StagedFile::Publish() {
  FAULT("store.before_name");
  TRY(Name(file_.get(), path_));
  FAULT("store.before_folder_sync");
  return {};
}

Result<void> PublishFile(const std::string& path, const ByteSource& content) {
  ASSIGN_OR_RETURN(StagedFile file, StagedFile::Write(path, content));
  return file.Publish();
}

Result<void> SyncDirectory(const std::string& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return Fail(FileError("cannot open " + path, errno));
  // EINVAL: a file system that cannot sync directories, and has nothing to sync then.
  if (fsync(fd.get()) != 0 && errno != EINVAL) {
    return Fail(FileError("cannot sync " + path, errno));
  }
  return {};
}

Result<void> MakeDirectories(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return Fail(ErrorKind::kInvalidArgument, path + " is a file, not a folder",
                "name a folder, or a path that does not exist yet");
  }
  if (errno != ENOENT) return Fail(FileError("cannot use " + path, errno));
  const std::string parent = ParentOf(path);
  TRY(MakeDirectories(parent));
  if (mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    return Fail(FileError("cannot make the folder " + path, errno));
  }
  return SyncDirectory(parent);
}

void RemoveLeftovers(const std::string& directory) {
  namespace fs = std::filesystem;
  std::vector<std::string> temporaries;
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(directory, options, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename().native().starts_with(kTemporaryPrefix)) {
      temporaries.push_back(it->path().native());
    }
  }
  for (const std::string& path : temporaries) {
    const bool removed = RemoveIfAbandoned(path);
    // A folder that held nothing else; fails, as it should, for every other one.
    if (removed && ParentOf(path) != directory) rmdir(ParentOf(path).c_str());
  }
}

}  // namespace trunkline
