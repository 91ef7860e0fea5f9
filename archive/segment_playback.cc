// SegmentReader::ForEach: blocks put together to transactions again.
#include <optional>

#include "archive/segment_reader.h"

namespace trunkline {
namespace {

class Playback {
 public:
  explicit Playback(TransactionSink* sink) : sink_(sink) {}

  Result<void> Play(const DecodedBlock& block) {
    for (const TransactionSlice& slice : block.slices()) {
      TRY(Enter(slice));
      for (const Change& change : block.changes().subspan(slice.first_change, slice.change_count)) {
        TRY(sink_->OnChange(change));
      }
      if (!slice.ends) continue;
      open_.reset();
      TRY(sink_->Commit(slice.info));
    }
    return {};
  }

  bool in_transaction() const { return open_.has_value(); }

 private:
  Result<void> Enter(const TransactionSlice& slice) {
    TransactionInfo info = slice.info;
    info.end_lsn = {};
    if (slice.begins ? in_transaction() : open_ != info) {
      return Fail(ErrorKind::kCorrupt, "a transaction does not go on where it was left");
    }
    if (!slice.begins) return {};
    open_ = info;
    return sink_->Begin(info);
  }

  TransactionSink* sink_;
  std::optional<TransactionInfo> open_;
};

}  // namespace

Result<void> SegmentReader::ForEach(TransactionSink* sink) const {
  Playback playback(sink);
  DecodedBlock block;
  for (size_t i = 0; i < blocks().size(); ++i) {
    TRY(ReadBlock(i, &block));
    TRY(playback.Play(block));
  }
  if (playback.in_transaction()) {
    return Fail(ErrorKind::kCorrupt, name() + ": ends within a transaction");
  }
  return {};
}

}  // namespace trunkline
