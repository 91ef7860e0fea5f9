#include "archive/segment_writer.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "archive/background_encoder.h"
#include "archive/block_contents.h"
#include "archive/finished_segment.h"
#include "archive/relation_registry.h"
#include "archive/scratch_buffer.h"
#include "archive/segment_format.h"
#include "base/check.h"

namespace trunkline {
namespace {

// The memory that a value takes beside its bytes; so many small values close a block too.
constexpr uint64_t kBytesPerCell = 8;
// A block is guessed to shrink to this before the first one has shown.
constexpr double kFirstRatio = 0.2;

// Limits within which the format can be read back.
SegmentOptions Clamp(SegmentOptions options) {
  options.block_raw_bytes = std::clamp<uint64_t>(options.block_raw_bytes, 1, 256 << 20);
  options.block_changes = static_cast<uint32_t>(
      std::clamp<uint64_t>(options.block_changes, 1, format::kMaxBlockChanges));
  return options;
}

tl::unexpected<Error> Misuse(std::string_view what) {
  return Fail(ErrorKind::kInvalidArgument, "cannot archive a change: " + std::string(what));
}

Result<void> CheckTuple(Tuple tuple, const Relation& relation, uint64_t* bytes) {
  if (tuple.size() != relation.columns.size()) return Misuse("a tuple of another width");
  for (const Value& value : tuple) {
    const bool has_bytes = value.state == ValueState::kText || value.state == ValueState::kBinary;
    if (!has_bytes && !value.bytes.empty()) return Misuse("bytes of a value that has none");
    *bytes += value.bytes.size();
  }
  return {};
}

Result<void> CheckRows(const Change& change, uint64_t* bytes) {
  if (change.relation == nullptr) return Misuse("no relation");
  const Relation& relation = *change.relation;
  if (relation.columns.size() > format::kMaxColumns) return Misuse("too many columns");
  const bool may_have_old = change.operation != Operation::kInsert;
  const bool must_have_old = change.operation == Operation::kDelete;
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  if ((has_old && !may_have_old) || (!has_old && must_have_old)) return Misuse("its old tuple");
  if (has_old) TRY(CheckTuple(change.old_tuple, relation, bytes));
  if (!must_have_old) TRY(CheckTuple(change.new_tuple, relation, bytes));
  return {};
}

bool InRange(const SegmentHeader& header, Lsn first_end, Lsn last_end) {
  return header.kind != SegmentKind::kChanges ||
         (header.begin < first_end && last_end <= header.end);
}

}  // namespace

class SegmentWriter::Impl {
 public:
  explicit Impl(SegmentOptions options)
      : options_(Clamp(std::move(options))),
        encoded_(std::in_place, options_.memory_bytes, options_.scratch_directory),
        encoder_(options_.zstd_level) {}

  Result<void> Begin(const TransactionInfo& transaction);
  Result<void> OnChange(const Change& change);
  Result<void> Commit(const TransactionInfo& transaction);
  Result<std::unique_ptr<FinishedSegment>> Finish(SegmentHeader header);

  bool in_transaction() const { return open_.has_value(); }
  uint64_t transactions() const { return footer_.transactions; }
  uint64_t changes() const { return footer_.changes; }
  uint64_t encoded_bytes() const;
  Lsn last_end_lsn() const { return last_end_; }

 private:
  bool BlockIsFull() const;
  Result<void> MakeRoom();
  Result<void> CloseBlock();
  Result<void> KeepEncoded();
  Result<void> AddRows(const Change& change);
  Result<void> AddTruncate(const Change& change);
  Result<void> AddMessage(const Change& change);

  SegmentOptions options_;
  std::optional<ScratchBuffer> encoded_;
  BlockBuilder block_;
  RelationRegistry relations_;
  SegmentFooter footer_;
  uint64_t closed_raw_bytes_ = 0;
  std::optional<TransactionInfo> open_;
  // Over the committed transactions.
  Lsn smallest_end_;
  Lsn largest_end_;
  Lsn last_end_;

  BackgroundEncoder encoder_;  // last: its thread refers to relations_
};

Result<void> SegmentWriter::Impl::Begin(const TransactionInfo& transaction) {
  if (in_transaction()) return Misuse("a transaction begins within another");
  if (BlockIsFull()) TRY(CloseBlock());
  open_ = transaction;
  open_->end_lsn = {};
  block_.OpenSlice(*open_, false);
  return {};
}

Result<void> SegmentWriter::Impl::OnChange(const Change& change) {
  if (!in_transaction()) return Misuse("it is outside of a transaction");
  TRY(MakeRoom());
  switch (change.operation) {
    case Operation::kInsert:
    case Operation::kUpdate:
    case Operation::kDelete:
      TRY(AddRows(change));
      break;
    case Operation::kTruncate:
      TRY(AddTruncate(change));
      break;
    case Operation::kMessage:
    case Operation::kDefinition:
    case Operation::kRaw:
      TRY(AddMessage(change));
      break;
  }
  ++footer_.changes;
  return {};
}

Result<void> SegmentWriter::Impl::Commit(const TransactionInfo& transaction) {
  if (!in_transaction()) return Misuse("a transaction ends that did not begin");
  open_->end_lsn = transaction.end_lsn;
  if (*open_ != transaction) return Misuse("a transaction ends as another than it began");
  block_.CloseSlice(transaction.end_lsn);
  open_.reset();
  last_end_ = transaction.end_lsn;
  largest_end_ = std::max(largest_end_, last_end_);
  smallest_end_ = footer_.transactions == 0 ? last_end_ : std::min(smallest_end_, last_end_);
  ++footer_.transactions;
  return {};
}

Result<void> SegmentWriter::Impl::AddRows(const Change& change) {
  uint64_t bytes = 0;
  TRY(CheckRows(change, &bytes));
  if (bytes > format::kMaxBlockRawBytes - options_.block_raw_bytes) return Misuse("row too large");
  const uint32_t index = relations_.Intern(*change.relation);
  block_.AddRows(change, &relations_.at(index), index);
  return {};
}

Result<void> SegmentWriter::Impl::AddTruncate(const Change& change) {
  if (change.truncated.size() > format::kMaxBlockCells / 4) return Misuse("too many relations");
  std::vector<uint32_t> indexes;
  for (const Relation* relation : change.truncated) {
    if (relation == nullptr) return Misuse("no relation");
    if (relation->columns.size() > format::kMaxColumns) return Misuse("too many columns");
    indexes.push_back(relations_.Intern(*relation));
  }
  block_.AddTruncate(std::move(indexes), change.truncate_flags);
  return {};
}

Result<void> SegmentWriter::Impl::AddMessage(const Change& change) {
  if (change.prefix.size() + change.content.size() >
      format::kMaxBlockRawBytes - options_.block_raw_bytes) {
    return Misuse("message too large");
  }
  block_.AddMessage(change);
  return {};
}

bool SegmentWriter::Impl::BlockIsFull() const {
  const BlockContents& contents = block_.contents();
  return contents.raw_bytes + block_.cells() * kBytesPerCell >= options_.block_raw_bytes ||
         contents.changes.size() >= options_.block_changes ||
         contents.slices.size() >= options_.block_changes ||
         block_.cells() >= format::kMaxBlockCells / 2;
}

// Continues the open transaction in a new block where the current one is full.
Result<void> SegmentWriter::Impl::MakeRoom() {
  if (!BlockIsFull()) return {};
  block_.set_last_is_open(true);
  TRY(CloseBlock());
  block_.OpenSlice(*open_, true);
  return {};
}

Result<void> SegmentWriter::Impl::CloseBlock() {
  if (block_.empty()) return {};
  TRY(KeepEncoded());
  encoder_.Start(block_.Take(encoder_.TakeSpare()));
  return {};
}

// Takes over the block that is being encoded, if any.
Result<void> SegmentWriter::Impl::KeepEncoded() {
  if (!encoder_.busy()) return {};
  EncodedBlock block = encoder_.Wait();
  TRY(encoded_->Append(block.bytes));
  closed_raw_bytes_ += block.stats.raw_size;
  footer_.blocks.push_back(std::move(block.stats));
  return {};
}

// Does not look at whether the block being encoded is ready: how transactions are cut into segments
// must not depend on how fast that goes.
uint64_t SegmentWriter::Impl::encoded_bytes() const {
  const auto closed = static_cast<double>(encoded_->size());
  const double ratio =
      closed_raw_bytes_ > 0 ? closed / static_cast<double>(closed_raw_bytes_) : kFirstRatio;
  const double open =
      ratio * static_cast<double>(encoder_.raw_bytes() + block_.contents().raw_bytes);
  return encoded_->size() + static_cast<uint64_t>(open);
}

Result<std::unique_ptr<FinishedSegment>> SegmentWriter::Impl::Finish(SegmentHeader header) {
  if (in_transaction()) return Misuse("the segment ends within a transaction");
  if (transactions() > 0 && !InRange(header, smallest_end_, largest_end_)) {
    return Misuse("a transaction is outside of the segment's range");
  }
  TRY(CloseBlock());
  TRY(KeepEncoded());
  return ComposeSegment(std::move(header), relations_.all(), *std::move(encoded_), footer_);
}

SegmentWriter::SegmentWriter(SegmentOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
SegmentWriter::~SegmentWriter() = default;
SegmentWriter::SegmentWriter(SegmentWriter&&) noexcept = default;
SegmentWriter& SegmentWriter::operator=(SegmentWriter&&) noexcept = default;

Result<void> SegmentWriter::Begin(const TransactionInfo& transaction) {
  return impl_->Begin(transaction);
}
Result<void> SegmentWriter::OnChange(const Change& change) { return impl_->OnChange(change); }
Result<void> SegmentWriter::Commit(const TransactionInfo& transaction) {
  return impl_->Commit(transaction);
}
bool SegmentWriter::in_transaction() const { return impl_->in_transaction(); }
uint64_t SegmentWriter::transactions() const { return impl_->transactions(); }
uint64_t SegmentWriter::changes() const { return impl_->changes(); }
uint64_t SegmentWriter::encoded_bytes() const { return impl_->encoded_bytes(); }
Lsn SegmentWriter::last_end_lsn() const { return impl_->last_end_lsn(); }
Result<std::unique_ptr<FinishedSegment>> SegmentWriter::Finish(SegmentHeader header) {
  return impl_->Finish(std::move(header));
}

}  // namespace trunkline
