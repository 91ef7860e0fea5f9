#include "daemon/spool_change_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "archive/scratch_folder.h"
#include "base/check.h"
#include "base/fault.h"

namespace trunkline {
namespace {

// In front of each message. The bytes never leave this process, so they are as the machine has
// them.
struct RecordHeader {
  uint32_t sub_xid = 0;
  uint32_t size = 0;
};

Result<void> VisitChunk(
    std::string_view chunk, const XidSet& dropped,
    const std::function<Result<void>(Xid sub_xid, std::string_view message)>& visit) {
  while (!chunk.empty()) {
    RecordHeader header;
    CHECK(chunk.size() >= sizeof(header));
    std::memcpy(&header, chunk.data(), sizeof(header));
    chunk.remove_prefix(sizeof(header));
    CHECK(chunk.size() >= header.size);
    const Xid sub_xid{header.sub_xid};
    if (!dropped.Contains(sub_xid)) TRY(visit(sub_xid, chunk.substr(0, header.size)));
    chunk.remove_prefix(header.size);
  }
  return {};
}

}  // namespace

SpoolChangeStore::SpoolChangeStore(SpoolOptions options) : options_(std::move(options)) {
  ScratchFolder::RemoveAbandoned(options_.directory);
}

SpoolChangeStore::~SpoolChangeStore() {
  spooled_bytes_ = 0;
  ReportSpooled();
}

void SpoolChangeStore::ReportSpooled() const {
  if (options_.metrics != nullptr) options_.metrics->NoteSpool(spooled_bytes_);
}

Result<void> SpoolChangeStore::Append(Xid xid, Xid sub_xid, std::string_view message) {
  Transaction& transaction = transactions_[xid.value];
  const RecordHeader header{sub_xid.value, static_cast<uint32_t>(message.size())};
  const size_t bytes = sizeof(header) + message.size();
  std::vector<std::string>& chunks = transaction.chunks;
  if (chunks.empty() || chunks.back().size() + bytes > options_.chunk_bytes) chunks.emplace_back();
  chunks.back().append(reinterpret_cast<const char*>(&header), sizeof(header));
  chunks.back().append(message);
  transaction.bytes += bytes;
  bytes_ += bytes;
  return bytes_ > memory_bytes() ? MakeRoom() : Result<void>();
}

size_t SpoolChangeStore::memory_bytes() const {
  return FAULT_VALUE("spool.memory", options_.memory_bytes, size_t{4096});
}

// The largest first, and far enough that a look at all of them pays.
Result<void> SpoolChangeStore::MakeRoom() {
  std::vector<std::pair<size_t, uint32_t>> sizes;  // and xids
  for (const auto& [xid, transaction] : transactions_) sizes.emplace_back(transaction.bytes, xid);
  std::sort(sizes.rbegin(), sizes.rend());
  for (const auto& [size, xid] : sizes) {
    if (bytes_ <= memory_bytes() / 2) break;
    TRY(Spool(Xid{xid}, &transactions_[xid]));
  }
  return {};
}

Result<void> SpoolChangeStore::Spool(Xid xid, Transaction* transaction) {
  if (spool_ == nullptr) {
    ASSIGN_OR_RETURN(spool_, ChangeSpool::Make(options_.directory));
  }
  for (const std::string& chunk : transaction->chunks) {
    TRY(spool_->Append(xid, transaction->spooled++, chunk));
    transaction->spooled_bytes += chunk.size();
    spooled_bytes_ += chunk.size();
  }
  ReportSpooled();
  transaction->chunks.clear();
  bytes_ -= std::exchange(transaction->bytes, 0);
  return {};
}

Result<void> SpoolChangeStore::DropSubtransaction(Xid xid, Xid sub_xid) {
  if (FAULT_VALUE("spool.rollback", false, true)) return {};
  const auto transaction = transactions_.find(xid.value);
  if (transaction != transactions_.end()) transaction->second.dropped.Insert(sub_xid);
  return {};
}

Result<void> SpoolChangeStore::Drop(Xid xid) {
  const auto found = transactions_.find(xid.value);
  if (found == transactions_.end()) return {};
  const bool spooled = found->second.spooled > 0;
  bytes_ -= found->second.bytes;
  spooled_bytes_ -= found->second.spooled_bytes;
  transactions_.erase(found);
  if (!spooled) return {};
  ReportSpooled();
  return spool_->Drop(xid);
}

Result<void> SpoolChangeStore::ForEach(Xid xid, const Visit& visit) {
  const auto found = transactions_.find(xid.value);
  if (found == transactions_.end()) return {};
  const Transaction& transaction = found->second;
  if (transaction.spooled > 0) {
    TRY(spool_->ForEach(xid, [&](std::string_view chunk) {
      return VisitChunk(chunk, transaction.dropped, visit);
    }));
  }
  for (const std::string& chunk : transaction.chunks) {
    TRY(VisitChunk(chunk, transaction.dropped, visit));
  }
  return {};
}

}  // namespace trunkline
