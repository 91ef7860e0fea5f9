#include "replay/reversed_records.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace trunkline {
namespace {

constexpr uint64_t kWindowBytes = 64 << 10;
using Length = uint64_t;

// A window over the bytes of a buffer that moves towards their front.
class BackwardWindow {
 public:
  explicit BackwardWindow(const ScratchBuffer& buffer) : buffer_(buffer) {}

  // Valid until the next call; `length` is at most kWindowBytes.
  Result<std::string_view> At(uint64_t offset, uint64_t length) {
    if (offset < begin_ || offset + length > begin_ + bytes_.size()) {
      const uint64_t end = offset + length;
      begin_ = end - std::min(end, kWindowBytes);
      bytes_.resize(end - begin_);
      TRY(buffer_.Read(begin_, bytes_.data(), bytes_.size()));
    }
    return std::string_view(bytes_).substr(offset - begin_, length);
  }

 private:
  const ScratchBuffer& buffer_;
  uint64_t begin_ = 0;
  std::string bytes_;
};

}  // namespace

ReversedRecords::ReversedRecords(uint64_t memory_bytes, std::string directory)
    : records_(memory_bytes, std::move(directory)) {}

Result<void> ReversedRecords::Append(std::string_view record) {
  const Length length = record.size();
  char suffix[sizeof(length)];
  std::memcpy(suffix, &length, sizeof(length));
  TRY(records_.Append(record));
  return records_.Append({suffix, sizeof(suffix)});
}

Result<void> ReversedRecords::ForEach(
    const std::function<Result<void>(std::string_view piece)>& visit) const {
  BackwardWindow window(records_);
  for (uint64_t end = records_.size(); end > 0;) {
    Length length = 0;
    ASSIGN_OR_RETURN(const std::string_view suffix,
                     window.At(end - sizeof(length), sizeof(length)));
    std::memcpy(&length, suffix.data(), sizeof(length));
    end -= sizeof(length) + length;
    for (uint64_t done = 0; done < length;) {
      const uint64_t size = std::min<uint64_t>(length - done, kWindowBytes);
      ASSIGN_OR_RETURN(const std::string_view piece, window.At(end + done, size));
      TRY(visit(piece));
      done += size;
    }
  }
  return {};
}

}  // namespace trunkline
