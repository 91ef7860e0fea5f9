#include "archive/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace trunkline {
namespace {

constexpr size_t kCompareBytes = 1 << 20;

bool InRange(uint64_t size, uint64_t offset, size_t length) {
  return offset <= size && length <= size - offset;
}

tl::unexpected<Error> PastTheEnd(uint64_t size, uint64_t offset, size_t length) {
  return Fail(ErrorKind::kTruncated, "bytes end at " + std::to_string(size) + ", wanted " +
                                         std::to_string(length) + " from " +
                                         std::to_string(offset));
}

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}

  uint64_t size() const override { return bytes_.size(); }

  Result<void> Read(uint64_t offset, char* buffer, size_t length) const override {
    if (!InRange(size(), offset, length)) return PastTheEnd(size(), offset, length);
    if (length > 0) std::memcpy(buffer, bytes_.data() + offset, length);
    return {};
  }

 private:
  std::string bytes_;
};

class FileSource : public ByteSource {
 public:
  FileSource(int fd, uint64_t size, std::string path)
      : fd_(fd), size_(size), path_(std::move(path)) {}
  ~FileSource() override { ::close(fd_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  uint64_t size() const override { return size_; }

  Result<void> Read(uint64_t offset, char* buffer, size_t length) const override {
    if (!InRange(size(), offset, length)) return PastTheEnd(size(), offset, length);
    while (length > 0) {
      const ssize_t got = ::pread(fd_, buffer, length, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Fail(ErrnoError("cannot read " + path_, errno));
      if (got == 0) return Fail(ErrorKind::kTruncated, path_ + " shrank while it was read");
      buffer += got;
      offset += static_cast<uint64_t>(got);
      length -= static_cast<size_t>(got);
    }
    return {};
  }

 private:
  int fd_;
  uint64_t size_;
  std::string path_;
};

}  // namespace

std::unique_ptr<ByteSource> NewMemorySource(std::string bytes) {
  return std::make_unique<MemorySource>(std::move(bytes));
}

Result<std::unique_ptr<ByteSource>> OpenFileSource(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Fail(ErrnoError("cannot open " + path, errno));
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    Error error = ErrnoError("cannot read " + path, errno);
    ::close(fd);
    return Fail(std::move(error));
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(fd);
    return Fail(ErrorKind::kInvalidArgument, path + " is not a regular file");
  }
  return std::make_unique<FileSource>(fd, static_cast<uint64_t>(status.st_size), path);
}

Result<std::string> ReadAll(const ByteSource& source, uint64_t limit) {
  if (source.size() > limit) {
    return Fail(ErrorKind::kFailed, std::to_string(source.size()) + " bytes are more than the " +
                                        std::to_string(limit) + " that were expected");
  }
  std::string bytes(source.size(), '\0');
  TRY(source.Read(0, bytes.data(), bytes.size()));
  return bytes;
}

Result<bool> SameContent(const ByteSource& left, const ByteSource& right) {
  if (left.size() != right.size()) return false;
  const size_t buffer_bytes = std::min<uint64_t>(left.size(), kCompareBytes);
  std::string left_bytes(buffer_bytes, '\0');
  std::string right_bytes(buffer_bytes, '\0');
  for (uint64_t offset = 0; offset < left.size();) {
    const size_t length = std::min<uint64_t>(left.size() - offset, buffer_bytes);
    TRY(left.Read(offset, left_bytes.data(), length));
    TRY(right.Read(offset, right_bytes.data(), length));
    if (std::memcmp(left_bytes.data(), right_bytes.data(), length) != 0) return false;
    offset += length;
  }
  return true;
}

}  // namespace trunkline
