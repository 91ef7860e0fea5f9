#include "archive/scratch_buffer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "archive/atomic_file.h"
#include "base/check.h"
#include "base/fault.h"

namespace trunkline {

ScratchBuffer::ScratchBuffer(uint64_t memory_bytes, std::string directory)
    : memory_bytes_(memory_bytes), directory_(std::move(directory)) {}

ScratchBuffer::~ScratchBuffer() {
  if (fd_ >= 0) ::close(fd_);
}

ScratchBuffer::ScratchBuffer(ScratchBuffer&& other) noexcept
    : memory_bytes_(other.memory_bytes_),
      directory_(std::move(other.directory_)),
      memory_(std::move(other.memory_)),
      fd_(std::exchange(other.fd_, -1)),
      file_size_(std::exchange(other.file_size_, 0)) {}

Result<void> ScratchBuffer::Append(std::string_view bytes) {
  if (!spilled() && memory_.size() + bytes.size() <= memory_bytes_) {
    memory_.append(bytes);
    return {};
  }
  if (!spilled()) TRY(OpenFile());
  return AppendToFile(bytes);
}

Result<void> ScratchBuffer::Read(uint64_t offset, char* buffer, size_t length) const {
  CHECK(offset <= size() && length <= size() - offset);
  if (offset < memory_.size() && length > 0) {
    const size_t count = std::min<uint64_t>(length, memory_.size() - offset);
    std::memcpy(buffer, memory_.data() + offset, count);
    buffer += count;
    offset += count;
    length -= count;
  }
  return length == 0 ? Result<void>{} : ReadFromFile(offset - memory_.size(), buffer, length);
}

Result<void> ScratchBuffer::OpenFile() {
  std::string path = directory_ + "/trunkline-scratch.XXXXXX";
  fd_ = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd_ < 0) return Fail(FileError("cannot create a scratch file in " + directory_, errno));
  if (::unlink(path.c_str()) != 0) return Fail(FileError("cannot unlink " + path, errno));
  return {};
}

Result<void> ScratchBuffer::AppendToFile(std::string_view bytes) {
  FAULT("scratch.write");
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(file_size_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      return Fail(FileError("cannot write a scratch file in " + directory_, errno));
    }
    file_size_ += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<void> ScratchBuffer::ReadFromFile(uint64_t offset, char* buffer, size_t length) const {
  while (length > 0) {
    const ssize_t got = ::pread(fd_, buffer, length, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(FileError("cannot read a scratch file in " + directory_, errno));
    if (got == 0) return Fail(ErrorKind::kFailed, "a scratch file in " + directory_ + " shrank");
    buffer += got;
    offset += static_cast<uint64_t>(got);
    length -= static_cast<size_t>(got);
  }
  return {};
}

}  // namespace trunkline
