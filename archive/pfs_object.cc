#include "archive/pfs_object.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

namespace trunkline {
namespace {

constexpr std::string_view kForbidden = "*?[]{}!()@+^";
// A segment ends in a footer that is read first, from back to front.
constexpr uint64_t kLeastReadBytes = 64 << 10;
constexpr uint64_t kMostReadBytes = 2 << 20;

bool IsPathCharacter(char c) {
  return c >= ' ' && c <= '~' && kForbidden.find(c) == std::string_view::npos;
}

class PfsObject final : public ByteSource {
 public:
  PfsObject(const PfsClient* client, std::string commit, std::string path, uint64_t size)
      : client_(client), commit_(std::move(commit)), path_(std::move(path)), size_(size) {}

  uint64_t size() const override { return size_; }

  Result<void> Read(uint64_t offset, char* buffer, size_t length) const override {
    if (offset > size_ || length > size_ - offset) {
      return Fail(ErrorKind::kTruncated, path_ + " ends at " + std::to_string(size_) + ", wanted " +
                                             std::to_string(length) + " from " +
                                             std::to_string(offset));
    }
    if (length == 0) return {};
    if (length >= kMostReadBytes / 2) return client_->Read(commit_, path_, offset, buffer, length);
    const std::scoped_lock lock(mutex_);
    if (!Holds(offset, length)) TRY(Load(offset, length));
    std::memcpy(buffer, window_.data() + (offset - begin_), length);
    return {};
  }

 private:
  bool Holds(uint64_t offset, size_t length) const {
    return offset >= begin_ && offset - begin_ <= window_.size() &&
           length <= window_.size() - (offset - begin_);
  }

  Result<void> Load(uint64_t offset, size_t length) const {
    const bool follows = !window_.empty() && offset >= begin_ && offset <= begin_ + window_.size();
    ahead_ = follows ? std::min(ahead_ * 2, kMostReadBytes) : kLeastReadBytes;
    if (size_ - offset < kLeastReadBytes) offset = size_ - std::min(size_, kLeastReadBytes);
    window_.resize(std::min(std::max<uint64_t>(ahead_, length), size_ - offset));
    begin_ = offset;
    Result<void> read = client_->Read(commit_, path_, begin_, window_.data(), window_.size());
    if (!read) window_.clear();
    return read;
  }

  const PfsClient* const client_;
  const std::string commit_;
  const std::string path_;
  const uint64_t size_;
  mutable std::mutex mutex_;
  mutable uint64_t begin_ = 0;
  mutable std::string window_;
  mutable uint64_t ahead_ = kLeastReadBytes;
};

}  // namespace

Result<void> CheckPfsPath(std::string_view path) {
  bool good = std::all_of(path.begin(), path.end(), IsPathCharacter);
  for (size_t begin = 0; good && begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    good = !part.empty() && part != "." && part != "..";
    begin = end + 1;
  }
  if (good) return {};
  return Fail(ErrorKind::kInvalidArgument, "no object in PFS can be named so");
}

bool MayStartPfsPath(std::string_view prefix) {
  return std::all_of(prefix.begin(), prefix.end(), IsPathCharacter);
}

std::unique_ptr<ByteSource> NewPfsObject(const PfsClient* client, std::string commit,
                                         std::string path, uint64_t size) {
  return std::make_unique<PfsObject>(client, std::move(commit), std::move(path), size);
}

}  // namespace trunkline
