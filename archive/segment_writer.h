// SegmentWriter: encodes transactions into a segment.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "archive/byte_source.h"
#include "archive/segment.h"
#include "base/error.h"
#include "decoder/change.h"

namespace trunkline {

struct SegmentOptions {
  // A block closes at whichever comes first. Larger blocks compress better, above all where rows
  // are wide and often updated; smaller ones cost less memory and less time to find one change: a
  // writer holds about five times block_raw_bytes and a reader three times, or its largest row as
  // many times where that is more. A value counts for its bytes and eight more.
  uint64_t block_raw_bytes = 1 << 20;
  uint32_t block_changes = 1 << 16;
  // For text, 1 to 19; numbers are indifferent to it. Measured on a table of ten mixed columns, 3
  // takes 3 % more space than 6, and 9 takes 1 % less in a fifth more time.
  int zstd_level = 6;
  // Encoded blocks beyond this many bytes wait in an unlinked file of `scratch_directory`.
  uint64_t memory_bytes = 16 << 20;
  std::string scratch_directory = "/tmp";
};

// A segment ready to be published. Its bytes are a function of the transactions, the header and the
// options, and of nothing else.
class FinishedSegment : public ByteSource {
 public:
  virtual const SegmentHeader& header() const = 0;
  virtual const std::string& digest() const = 0;  // 32 bytes
  virtual uint64_t transactions() const = 0;
  virtual uint64_t changes() const = 0;
  // One a table that is changed in it, by name.
  virtual const std::vector<TableTotals>& tables() const = 0;
};

// Called by one thread; encodes one block on another while the next is being filled. Whoever needs
// to abandon a transaction half written destroys the writer.
class SegmentWriter : public TransactionSink {
 public:
  explicit SegmentWriter(SegmentOptions options);
  ~SegmentWriter() override;
  SegmentWriter(SegmentWriter&&) noexcept;
  SegmentWriter& operator=(SegmentWriter&&) noexcept;

  Result<void> Begin(const TransactionInfo& transaction) override;
  Result<void> OnChange(const Change& change) override;
  Result<void> Commit(const TransactionInfo& transaction) override;

  bool in_transaction() const;
  uint64_t transactions() const;  // committed ones
  uint64_t changes() const;
  uint64_t encoded_bytes() const;  // of closed blocks, plus an estimate of the last two
  Lsn last_end_lsn() const;        // of the last Commit; Lsn{} before it

  // Ends the segment; the writer is empty afterwards and must not be used again. Not inside a
  // transaction. `header`'s range must hold every transaction (begin < end_lsn <= end).
  Result<std::unique_ptr<FinishedSegment>> Finish(SegmentHeader header);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline
