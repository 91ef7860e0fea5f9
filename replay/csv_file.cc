#include "replay/csv_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace trunkline {
namespace {

// Writing back while more is written leaves little for the sync at the end.
constexpr uint64_t kFlushBytes = 8 << 20;

}  // namespace

Result<CsvFile> CsvFile::Create(const std::string& path) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) return Fail(ErrnoError("cannot create " + path, errno));
  return CsvFile(descriptor, path);
}

CsvFile::CsvFile(CsvFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      written_bytes_(other.written_bytes_),
      flushed_bytes_(other.flushed_bytes_) {}

CsvFile::~CsvFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<void> CsvFile::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Fail(ErrnoError("cannot write " + path_, errno));
    bytes.remove_prefix(static_cast<size_t>(count));
    written_bytes_ += static_cast<uint64_t>(count);
  }
  if (written_bytes_ - flushed_bytes_ >= kFlushBytes) {
    sync_file_range(descriptor_, static_cast<off64_t>(flushed_bytes_),
                    static_cast<off64_t>(written_bytes_ - flushed_bytes_), SYNC_FILE_RANGE_WRITE);
    flushed_bytes_ = written_bytes_;
  }
  return {};
}

Result<void> CsvFile::Finish() {
  if (fsync(descriptor_) != 0) return Fail(ErrnoError("cannot write " + path_, errno));
  if (close(std::exchange(descriptor_, -1)) != 0) {
    return Fail(ErrnoError("cannot write " + path_, errno));
  }
  return {};
}

}  // namespace trunkline
