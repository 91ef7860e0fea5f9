#include "daemon/spool_change_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace trunkline {
namespace {

// In front of each message. The bytes never leave this process, so they are as the machine has
// them.
struct RecordHeader {
  uint32_t sub_xid = 0;
  uint32_t size = 0;
};

// Reads records off a buffer, a stretch at a time.
class RecordReader {
 public:
  RecordReader(const ScratchBuffer& buffer, size_t stretch_bytes)
      : buffer_(buffer), stretch_bytes_(stretch_bytes) {}

  bool done() const { return at_ == stretch_.size() && offset_ == buffer_.size(); }

  // The next `size` bytes, valid until the next call.
  Result<std::string_view> Take(size_t size) {
    if (stretch_.size() - at_ < size) TRY(Refill(size));
    at_ += size;
    return std::string_view(stretch_).substr(at_ - size, size);
  }

 private:
  Result<void> Refill(size_t size) {
    stretch_.erase(0, at_);
    at_ = 0;
    const size_t kept = stretch_.size();
    const uint64_t wanted = std::max(stretch_bytes_, size) - kept;
    const auto added = static_cast<size_t>(std::min(wanted, buffer_.size() - offset_));
    stretch_.resize(kept + added);
    TRY(buffer_.Read(offset_, stretch_.data() + kept, added));
    offset_ += added;
    if (stretch_.size() < size) {
      return Fail(ErrorKind::kCorrupt, "the spool of a streamed transaction ends early");
    }
    return {};
  }

  const ScratchBuffer& buffer_;
  const size_t stretch_bytes_;
  std::string stretch_;
  size_t at_ = 0;        // in stretch_: what is before it was taken
  uint64_t offset_ = 0;  // in buffer_: where stretch_ ends
};

}  // namespace

Result<void> SpoolChangeStore::Append(Xid xid, Xid sub_xid, std::string_view message) {
  Transaction& transaction = transactions_.try_emplace(xid.value, options_).first->second;
  const RecordHeader header{sub_xid.value, static_cast<uint32_t>(message.size())};
  char bytes[sizeof(header)];
  std::memcpy(bytes, &header, sizeof(header));
  transaction.pending.append(bytes, sizeof(bytes));
  transaction.pending.append(message);
  if (transaction.pending.size() < options_.write_bytes) return {};
  TRY(transaction.spooled.Append(transaction.pending));
  transaction.pending.clear();
  return {};
}

Result<void> SpoolChangeStore::DropSubtransaction(Xid xid, Xid sub_xid) {
  const auto transaction = transactions_.find(xid.value);
  if (transaction != transactions_.end()) transaction->second.dropped.insert(sub_xid.value);
  return {};
}

Result<void> SpoolChangeStore::Drop(Xid xid) {
  transactions_.erase(xid.value);
  return {};
}

Result<void> SpoolChangeStore::ForEach(
    Xid xid, const std::function<Result<void>(Xid, std::string_view)>& visit) {
  const auto found = transactions_.find(xid.value);
  if (found == transactions_.end()) return {};
  Transaction& transaction = found->second;
  TRY(transaction.spooled.Append(std::exchange(transaction.pending, {})));
  RecordReader reader(transaction.spooled, options_.write_bytes);
  while (!reader.done()) {
    ASSIGN_OR_RETURN(const std::string_view bytes, reader.Take(sizeof(RecordHeader)));
    RecordHeader header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    ASSIGN_OR_RETURN(const std::string_view message, reader.Take(header.size));
    if (transaction.dropped.contains(header.sub_xid)) continue;
    TRY(visit(Xid{header.sub_xid}, message));
  }
  return {};
}

}  // namespace trunkline
