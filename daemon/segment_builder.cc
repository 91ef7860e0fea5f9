#include "daemon/segment_builder.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/fault.h"

namespace trunkline {
namespace {

constexpr uint64_t kChangesPerHeartbeat = 1024;

}  // namespace

SegmentBuilder::SegmentBuilder(const SegmentOptions& options, uint64_t max_bytes, Lsn archived,
                               std::optional<Lsn> end_position, Heartbeat heartbeat,
                               DefinitionTracker* definitions)
    : options_(options),
      max_bytes_(max_bytes),
      archived_(archived),
      end_position_(end_position),
      heartbeat_(std::move(heartbeat)),
      definitions_(definitions),
      writer_(options),
      position_(archived) {}

bool SegmentBuilder::Belongs(const TransactionInfo& transaction) {
  // A logical message that is a transaction of its own has no commit record: its LSN is where its
  // record ends. It cannot be told whether it begins before the position to stop at, so one more
  // may belong.
  if (!transaction.xid.valid()) return transaction.commit_lsn > archived_ && !reached_end_;
  if (transaction.commit_lsn < archived_) return false;
  if (!end_position_.has_value() || transaction.commit_lsn < *end_position_) {
    return FAULT_VALUE("segment.belongs", true, false);
  }
  AdvanceTo(transaction.commit_lsn);  // all that commits before it has been sent
  return false;
}

void SegmentBuilder::AdvanceTo(Lsn lsn) {
  if (reached_end_) return;
  position_ = std::max(position_, lsn);
  reached_end_ = end_position_.has_value() && position_ >= *end_position_;
}

Result<void> SegmentBuilder::Begin(const TransactionInfo& transaction) {
  CHECK(!in_transaction_);
  in_transaction_ = true;
  writing_ = false;
  belongs_ = Belongs(transaction);
  transaction_ = transaction;
  return {};
}

Result<void> SegmentBuilder::OnChange(const Change& change) {
  CHECK(in_transaction_);
  if (++changes_seen_ % kChangesPerHeartbeat == 0) TRY(heartbeat_());
  if (!belongs_) return {};
  if (!writing_) TRY(BeginWriting());
  if (definitions_ != nullptr) {
    if (definitions_->due()) TRY(definitions_->Check(&writer_));
    if (change.operation == Operation::kMessage) definitions_->NoteMessage(change);
  }
  if (change.operation == Operation::kRaw) WarnOfRaw(change);
  if (FAULT_VALUE("segment.twice", false, true)) TRY(writer_.OnChange(change));
  return writer_.OnChange(change);
}

void SegmentBuilder::WarnOfRaw(const Change& change) {
  const char type = change.content.empty() ? '\0' : change.content.front();
  if (raw_types_.find(type) != std::string::npos) return;
  raw_types_ += type;
  spdlog::warn(
      "the source sent a message of the unknown type {:#04x} in the transaction that commits at "
      "{}: archived as it came. Targets past it need a version of trunkline that knows the type",
      static_cast<unsigned char>(type), transaction_.commit_lsn.ToString());
}

Result<void> SegmentBuilder::BeginWriting() {
  writing_ = true;
  if (!oldest_commit_.has_value() && transaction_.xid.valid()) {
    oldest_commit_ = transaction_.commit_time;
  }
  if (definitions_ != nullptr)
    definitions_->NoteTransaction(transaction_, DefinitionTracker::Clock::now());
  return writer_.Begin(transaction_);
}

Result<void> SegmentBuilder::Commit(const TransactionInfo& transaction) {
  CHECK(in_transaction_);
  in_transaction_ = false;
  AdvanceTo(transaction.end_lsn);
  if (!writing_) return {};
  writing_ = false;
  TRY(writer_.Commit(transaction));
  full_ = close_at_next_commit_ || writer_.encoded_bytes() >= max_bytes_;
  return {};
}

void SegmentBuilder::Progress(Lsn lsn) {
  if (!in_transaction_) AdvanceTo(lsn);
}

SegmentWriter SegmentBuilder::Take() {
  CHECK(can_take());
  full_ = close_at_next_commit_ = false;
  oldest_commit_.reset();
  SegmentWriter taken = std::exchange(writer_, SegmentWriter(options_));
  return taken;
}

}  // namespace trunkline
