#include "replay/pgdata_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "replay/pgdata_page.h"

namespace trunkline {
namespace {

Result<void> WriteAt(int descriptor, uint64_t offset, std::string_view bytes,
                     const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(ErrnoError("cannot write " + path, errno));
    offset += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace

Result<RelationFile> RelationFile::Open(const std::string& path, uint64_t segment_bytes) {
  RelationFile file(path, segment_bytes);
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return Fail(ErrnoError("cannot open " + path, errno));
  file.segments_.push_back(descriptor);
  return file;
}

RelationFile::RelationFile(RelationFile&& other) noexcept
    : path_(std::move(other.path_)),
      segment_bytes_(other.segment_bytes_),
      segments_(std::exchange(other.segments_, {})) {}

RelationFile::~RelationFile() {
  for (const int descriptor : segments_) close(descriptor);
}

Result<int> RelationFile::Create(const std::string& path) const {
  constexpr mode_t kOwnerAlone = 0600;
  struct stat first {};
  if (fstat(segments_[0], &first) != 0) return Fail(ErrnoError("cannot look at " + path_, errno));
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerAlone);
  if (descriptor < 0) return Fail(ErrnoError("cannot create " + path, errno));
  const bool ours = first.st_uid == geteuid() && first.st_gid == getegid();
  if (!ours && fchown(descriptor, first.st_uid, first.st_gid) != 0) {
    const int number = errno;
    close(descriptor);
    return Fail(ErrnoError("cannot give " + path + " to the server's user", number));
  }
  return descriptor;
}

Result<int> RelationFile::Segment(uint64_t number) {
  const std::lock_guard lock(mutex_);
  while (segments_.size() <= number) {
    ASSIGN_OR_RETURN(const int descriptor, Create(path_ + "." + std::to_string(segments_.size())));
    segments_.push_back(descriptor);
  }
  return segments_[number];
}

Result<void> RelationFile::Write(uint32_t block, std::string_view pages) {
  uint64_t offset = uint64_t{block} * kPageBytes;
  while (!pages.empty()) {
    ASSIGN_OR_RETURN(const int descriptor, Segment(offset / segment_bytes_));
    const uint64_t within = offset % segment_bytes_;
    const size_t size = std::min<uint64_t>(pages.size(), segment_bytes_ - within);
    TRY(WriteAt(descriptor, within, pages.substr(0, size), path_));
    pages.remove_prefix(size);
    offset += size;
  }
  return {};
}

Result<std::string> RelationFile::Read(uint32_t block) const {
  std::string page(kPageBytes, '\0');
  const auto offset = static_cast<off_t>(uint64_t{block} * kPageBytes);
  const ssize_t size = pread(segments_[0], page.data(), page.size(), offset);
  if (size < 0) return Fail(ErrnoError("cannot read " + path_, errno));
  page.resize(static_cast<size_t>(size));
  return page;
}

Result<uint64_t> RelationFile::size() const {
  struct stat status {};
  if (fstat(segments_[0], &status) != 0) return Fail(ErrnoError("cannot look at " + path_, errno));
  return static_cast<uint64_t>(status.st_size);
}

Result<void> RelationFile::Clear() {
  if (ftruncate(segments_[0], 0) != 0) return Fail(ErrnoError("cannot empty " + path_, errno));
  for (size_t number = 1; number < segments_.size(); ++number) {
    const std::string path = path_ + "." + std::to_string(number);
    close(segments_[number]);
    if (unlink(path.c_str()) != 0) return Fail(ErrnoError("cannot remove " + path, errno));
  }
  segments_.resize(1);
  return {};
}

Result<void> RelationFile::WriteBeside(const std::string& suffix, std::string_view content) const {
  ASSIGN_OR_RETURN(const int descriptor, Create(path_ + suffix));
  auto written = WriteAt(descriptor, 0, content, path_ + suffix);
  close(descriptor);
  return written;
}

}  // namespace trunkline
