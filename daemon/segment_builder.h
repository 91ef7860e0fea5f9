// SegmentBuilder: collects the transactions of the stream into the segment that is open.
//
// Decides which transactions belong: those that the archive has already, and those past the
// position to stop at, are passed over as wholes, by where their commit record lies. Transactions
// without changes leave no trace.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "archive/segment_writer.h"
#include "base/error.h"
#include "base/lsn.h"
#include "base/timestamp.h"
#include "daemon/definition_tracker.h"
#include "decoder/change.h"

namespace trunkline {

class SegmentBuilder : public TransactionSink {
 public:
  // Called now and then during a long transaction.
  using Heartbeat = std::function<Result<void>()>;

  // `archived` is the archive's end. `end_position`, where given, is the LSN to stop at.
  // `definitions`, which may be null and is not owned, is asked ahead of every change.
  SegmentBuilder(const SegmentOptions& options, uint64_t max_bytes, Lsn archived,
                 std::optional<Lsn> end_position, Heartbeat heartbeat,
                 DefinitionTracker* definitions);

  Result<void> Begin(const TransactionInfo& transaction) override;
  Result<void> OnChange(const Change& change) override;
  Result<void> Commit(const TransactionInfo& transaction) override;

  // Everything up to `lsn` has been sent, says a keepalive.
  void Progress(Lsn lsn);

  // No transaction is half written.
  bool can_take() const { return !writing_; }
  bool empty() const { return writer_.transactions() == 0; }
  // Large enough, or asked to close; becomes true at a transaction's end.
  bool full() const { return full_; }
  void CloseAtNextCommit() { close_at_next_commit_ = true; }
  uint64_t transactions() const { return writer_.transactions(); }
  uint64_t changes() const { return writer_.changes(); }
  // When the first of the transactions collected was committed; nothing while there is none.
  std::optional<Timestamp> oldest_commit() const { return oldest_commit_; }
  // The stream has brought everything that commits before here. A segment may end here.
  Lsn position() const { return position_; }
  // position() has come to the position to stop at.
  bool reached_end() const { return reached_end_; }

  // Takes the transactions collected, for the segment that ends at position(). Only if can_take().
  SegmentWriter Take();

 private:
  bool Belongs(const TransactionInfo& transaction);
  void AdvanceTo(Lsn lsn);
  Result<void> BeginWriting();
  // Once a type and stream.
  void WarnOfRaw(const Change& change);

  const SegmentOptions options_;
  const uint64_t max_bytes_;
  const Lsn archived_;
  const std::optional<Lsn> end_position_;
  const Heartbeat heartbeat_;
  DefinitionTracker* const definitions_;

  SegmentWriter writer_;
  bool in_transaction_ = false;
  bool belongs_ = false;
  bool writing_ = false;  // the open transaction has a change, and the writer knows of it
  TransactionInfo transaction_;
  std::optional<Timestamp> oldest_commit_;
  bool full_ = false;
  bool close_at_next_commit_ = false;
  bool reached_end_ = false;
  Lsn position_;
  uint64_t changes_seen_ = 0;
  std::string raw_types_;  // seen
};

}  // namespace trunkline
