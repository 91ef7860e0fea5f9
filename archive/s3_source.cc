#include "archive/s3_source.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <utility>

namespace trunkline {
namespace {

constexpr uint64_t kFirstWindowBytes = 64 << 10;
constexpr uint64_t kLargestWindowBytes = 4 << 20;

// Bytes of the object that were read ahead.
struct Window {
  uint64_t offset = 0;
  std::string bytes;

  uint64_t end() const { return offset + bytes.size(); }
  bool Holds(uint64_t from, size_t length) const {
    return offset <= from && from <= end() && length <= end() - from;
  }
};
using SharedWindow = std::shared_ptr<const Window>;

class S3Source final : public ByteSource {
 public:
  S3Source(std::shared_ptr<const S3Client> client, std::string key, uint64_t size)
      : client_(std::move(client)), key_(std::move(key)), size_(size) {}

  uint64_t size() const override { return size_; }

  Result<void> Read(uint64_t offset, char* buffer, size_t length) const override {
    if (offset > size_ || length > size_ - offset) {
      return Fail(ErrorKind::kTruncated, key_ + " ends at " + std::to_string(size_) + ", wanted " +
                                             std::to_string(length) + " from " +
                                             std::to_string(offset));
    }
    if (length == 0) return {};
    const SharedWindow window = Find(offset, length);
    if (window) {
      std::memcpy(buffer, window->bytes.data() + (offset - window->offset), length);
      return {};
    }
    const auto [begin, end] = Plan(offset, length);
    if (end - begin == length) return Fetch(offset, {buffer, length});
    auto fetched = std::make_shared<Window>();
    fetched->offset = begin;
    fetched->bytes.resize(end - begin);
    TRY(Fetch(begin, {fetched->bytes.data(), fetched->bytes.size()}));
    std::memcpy(buffer, fetched->bytes.data() + (offset - begin), length);
    Keep(std::move(fetched));
    return {};
  }

 private:
  SharedWindow Find(uint64_t offset, size_t length) const {
    const std::lock_guard lock(mutex_);
    for (const SharedWindow& window : windows_) {
      if (window && window->Holds(offset, length)) return window;
    }
    return nullptr;
  }

  // From where to where to read, to have the bytes wanted.
  std::pair<uint64_t, uint64_t> Plan(uint64_t offset, size_t length) const {
    const std::lock_guard lock(mutex_);
    const SharedWindow& latest = windows_.front();
    const bool follows = latest && latest->offset <= offset && offset <= latest->end();
    window_bytes_ = follows ? std::min(window_bytes_ * 2, kLargestWindowBytes) : kFirstWindowBytes;
    const uint64_t tail = size_ - std::min(size_, kFirstWindowBytes);
    if (offset >= tail) return {tail, size_};
    return {offset, std::min(size_, offset + std::max<uint64_t>(length, window_bytes_))};
  }

  void Keep(SharedWindow window) const {
    const std::lock_guard lock(mutex_);
    std::rotate(windows_.begin(), windows_.end() - 1, windows_.end());
    windows_.front() = std::move(window);
  }

  Result<void> Fetch(uint64_t offset, std::span<char> into) const {
    S3Request request;
    request.key = key_;
    request.headers = {{"range", "bytes=" + std::to_string(offset) + "-" +
                                     std::to_string(offset + into.size() - 1)}};
    request.into = into;
    const std::string what = "cannot read s3://" + client_->address().bucket + "/" + key_;
    Result<HttpResponse> response = client_->Send(request);
    if (!response) return Fail(std::move(response).error().WithContext(what));
    if (!response->ok()) return Fail(S3Failure(*response, what, client_->address()));
    if (response->status != 206 && into.size() != size_) {
      return Fail(ErrorKind::kUnsupported, what + ": the server does not send parts of an object");
    }
    if (response->into_bytes != into.size()) {
      return Fail(ErrorKind::kUnavailable, what + ": the server sent " +
                                               std::to_string(response->into_bytes) + " of " +
                                               std::to_string(into.size()) + " bytes");
    }
    return {};
  }

  const std::shared_ptr<const S3Client> client_;
  const std::string key_;
  const uint64_t size_;
  mutable std::mutex mutex_;
  mutable std::array<SharedWindow, 2> windows_;  // the latest one first
  mutable uint64_t window_bytes_ = kFirstWindowBytes;
};

}  // namespace

std::unique_ptr<ByteSource> NewS3Source(std::shared_ptr<const S3Client> client, std::string key,
                                        uint64_t size) {
  return std::make_unique<S3Source>(std::move(client), std::move(key), size);
}

}  // namespace trunkline
