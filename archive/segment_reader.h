// SegmentReader: reads a segment back, block by block, in bounded memory. Trusts no byte: any input
// yields the data that was written or an Error.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "archive/byte_source.h"
#include "archive/cell.h"
#include "archive/segment.h"
#include "base/error.h"
#include "decoder/change.h"

namespace trunkline {

// A transaction's changes within one block. A large transaction has slices in several blocks.
struct TransactionSlice {
  TransactionInfo info;  // end_lsn is known where `ends`
  bool begins = false;
  bool ends = false;
  size_t first_change = 0;  // into DecodedBlock::changes()
  size_t change_count = 0;
};

// The tuples of a relation's changes, in their order: of an update the old one, where there is one,
// comes before the new one.
struct CellRows {
  const Relation* relation = nullptr;
  size_t rows = 0;
  std::span<const Cell> cells;  // the first column of each, the second column of each, ...

  const Cell& cell(size_t row, size_t column) const { return cells[column * rows + row]; }
};

enum class BlockForm {
  kTuples,  // as cells, and as tuples of text
  kCells,   // changes have no tuples: for who can do without their text, which is most of the work
};

// Owns the values of its changes; changes point to relations of the reader it came from.
class DecodedBlock {
 public:
  DecodedBlock();
  ~DecodedBlock();
  DecodedBlock(DecodedBlock&&) noexcept;
  DecodedBlock& operator=(DecodedBlock&&) noexcept;

  std::span<const TransactionSlice> slices() const;
  std::span<const Change> changes() const;  // in the original order
  std::span<const CellRows> rows() const;   // a relation each, by its first change

  struct Storage;
  Storage* storage() { return storage_.get(); }  // for the decoder of archive/ alone

 private:
  std::unique_ptr<Storage> storage_;
};

class SegmentReader {
 public:
  // Reads header, footer and trailer and checks them. `name` is for error messages. kTruncated when
  // the segment ends early (no trailer), kCorrupt when its bytes are not what was written.
  static Result<std::unique_ptr<SegmentReader>> Open(std::unique_ptr<ByteSource> source,
                                                     std::string name);
  virtual ~SegmentReader() = default;

  virtual const std::string& name() const = 0;
  virtual const SegmentHeader& header() const = 0;
  virtual const std::string& digest() const = 0;  // as the trailer states it
  // What the next segment's header names as previous_digest: digest(), or where this segment stands
  // for others that of the last one of them.
  const std::string& chain_digest() const {
    return header().replaced.empty() ? digest() : header().replaced.back().digest;
  }
  // Every version of every relation that the segment's changes refer to. Stable addresses.
  virtual std::span<const Relation> relations() const = 0;
  virtual std::span<const BlockStats> blocks() const = 0;
  virtual uint64_t transactions() const = 0;
  virtual uint64_t changes() const = 0;

  // Decodes block `index`, checksum first, reusing `block`'s memory. Any number of threads may call
  // this at once, each with its own block.
  virtual Result<void> ReadBlock(size_t index, BlockForm form, DecodedBlock* block) const = 0;
  Result<void> ReadBlock(size_t index, DecodedBlock* block) const {
    return ReadBlock(index, BlockForm::kTuples, block);
  }

  // Plays every transaction to `sink`.
  Result<void> ForEach(TransactionSink* sink) const;

  // Reads every byte and compares the digest.
  virtual Result<void> CheckDigest() const = 0;
};

}  // namespace trunkline
