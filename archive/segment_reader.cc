#include "archive/segment_reader.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "archive/block_decoder.h"
#include "archive/decoded_block.h"
#include "archive/little_endian.h"
#include "archive/segment_format.h"
#include "archive/segment_proto.h"
#include "archive/sha256.h"

namespace trunkline {
namespace {

constexpr size_t kDigestedBytes = 1 << 20;

tl::unexpected<Error> Corrupt(std::string_view what) {
  return Fail(ErrorKind::kCorrupt, std::string(what));
}

uint64_t Checksum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Result<std::string> ReadString(const ByteSource& source, uint64_t offset, uint64_t size) {
  std::string bytes(size, '\0');
  TRY(source.Read(offset, bytes.data(), bytes.size()));
  return bytes;
}

struct Trailer {
  uint64_t offset = 0;  // its own
  uint64_t footer_offset = 0;
  uint32_t footer_size = 0;
  uint64_t footer_checksum = 0;
  std::string digest;
};

// What the footer says of a block must be what it holds: readers skip blocks by it. How large the
// values are takes their text to tell.
Result<void> CheckAgainstFooter(const BlockStats& stats, BlockForm form,
                                const DecodedBlock::Storage& storage) {
  uint64_t transactions = 0;
  bool in_range = true;
  for (const TransactionSlice& slice : storage.slices) {
    transactions += slice.ends ? 1 : 0;
    const TransactionInfo& info = slice.info;
    in_range = in_range && stats.commit_lsn_min <= info.commit_lsn &&
               info.commit_lsn <= stats.commit_lsn_max;
    if (!info.xid.valid()) continue;  // has no commit time
    in_range = in_range && stats.commit_time_min <= info.commit_time &&
               info.commit_time <= stats.commit_time_max;
  }
  if (!in_range || transactions != stats.transactions || storage.changes.size() != stats.changes ||
      (form == BlockForm::kTuples && storage.raw_bytes != stats.raw_size) ||
      storage.has_messages != stats.has_messages) {
    return Corrupt("it is not what the footer says");
  }
  return {};
}

class Reader : public SegmentReader {
 public:
  using SegmentReader::ReadBlock;

  Reader(std::unique_ptr<ByteSource> source, std::string name)
      : source_(std::move(source)), name_(std::move(name)) {}

  Result<void> Open();

  const std::string& name() const override { return name_; }
  const SegmentHeader& header() const override { return header_; }
  const std::string& digest() const override { return trailer_.digest; }
  std::span<const Relation> relations() const override { return relations_; }
  std::span<const BlockStats> blocks() const override { return footer_.blocks; }
  uint64_t transactions() const override { return footer_.transactions; }
  uint64_t changes() const override { return footer_.changes; }

  Result<void> ReadBlock(size_t index, BlockForm form, DecodedBlock* block) const override;
  Result<void> CheckDigest() const override;

 private:
  Result<void> CheckMagic() const;
  Result<void> ReadTrailer();
  Result<void> ReadHeader();
  Result<void> ReadFooter();
  Result<void> LayOutBlocks();
  Result<void> Decode(const BlockStats& stats, BlockForm form,
                      DecodedBlock::Storage* storage) const;

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  Trailer trailer_;
  uint64_t blocks_offset_ = 0;
  SegmentHeader header_;
  std::vector<Relation> relations_;
  SegmentFooter footer_;
};

Result<void> Reader::Open() {
  TRY(CheckMagic());
  TRY(ReadTrailer());
  TRY(ReadHeader());
  TRY(ReadFooter());
  return LayOutBlocks();
}

// What is not a segment is told apart from one that is cut short, before its end is looked at.
Result<void> Reader::CheckMagic() const {
  const uint64_t present = std::min<uint64_t>(source_->size(), format::kMagicBytes);
  ASSIGN_OR_RETURN(const std::string magic, ReadString(*source_, 0, present));
  if (!format::kMagic.starts_with(magic)) return Corrupt("not a segment");
  if (source_->size() < format::kPreambleBytes + format::kChecksumBytes + format::kTrailerBytes) {
    return Fail(ErrorKind::kTruncated, "the segment is cut short");
  }
  ASSIGN_OR_RETURN(const std::string version,
                   ReadString(*source_, format::kMagicBytes, format::kVersionBytes));
  const auto number = GetLittleEndian<uint32_t>(version.data());
  if (number == format::kVersion) return {};
  return Fail(ErrorKind::kUnsupported, "segment of format version " + std::to_string(number),
              "this program reads version " + std::to_string(format::kVersion));
}

Result<void> Reader::ReadTrailer() {
  trailer_.offset = source_->size() - format::kTrailerBytes;
  ASSIGN_OR_RETURN(const std::string bytes,
                   ReadString(*source_, trailer_.offset, format::kTrailerBytes));
  const std::string_view checked = std::string_view(bytes).substr(
      0, format::kTrailerBytes - format::kMagicBytes - format::kChecksumBytes);
  const bool sound = GetLittleEndian<uint64_t>(bytes.data() + checked.size()) == Checksum(checked);
  const bool has_magic = std::string_view(bytes).ends_with(format::kEndMagic);
  if (!sound && !has_magic) {
    return Fail(ErrorKind::kTruncated, "the segment is cut short: it has no trailer");
  }
  if (!sound || !has_magic) return Corrupt("the trailer is damaged");
  trailer_.footer_size = GetLittleEndian<uint32_t>(bytes.data());
  trailer_.footer_checksum = GetLittleEndian<uint64_t>(bytes.data() + format::kSizeBytes);
  trailer_.digest = bytes.substr(format::kSizeBytes + format::kChecksumBytes, format::kSha256Bytes);
  if (trailer_.footer_size > format::kMaxFooterBytes || trailer_.footer_size > trailer_.offset) {
    return Corrupt("the footer's size is impossible");
  }
  trailer_.footer_offset = trailer_.offset - trailer_.footer_size;
  return {};
}

Result<void> Reader::ReadHeader() {
  ASSIGN_OR_RETURN(const std::string preamble, ReadString(*source_, 0, format::kPreambleBytes));
  const auto size =
      GetLittleEndian<uint32_t>(preamble.data() + format::kMagicBytes + format::kVersionBytes);
  blocks_offset_ = format::kPreambleBytes + uint64_t{size} + format::kChecksumBytes;
  if (size > format::kMaxHeaderBytes || blocks_offset_ > trailer_.footer_offset) {
    return Corrupt("the header's size is impossible");
  }
  ASSIGN_OR_RETURN(const std::string bytes, ReadString(*source_, 0, blocks_offset_));
  const std::string_view checked =
      std::string_view(bytes).substr(0, bytes.size() - format::kChecksumBytes);
  if (GetLittleEndian<uint64_t>(bytes.data() + checked.size()) != Checksum(checked)) {
    return Corrupt("the header is damaged");
  }
  return ParseHeader(checked.substr(format::kPreambleBytes), &header_, &relations_);
}

Result<void> Reader::ReadFooter() {
  ASSIGN_OR_RETURN(const std::string bytes,
                   ReadString(*source_, trailer_.footer_offset, trailer_.footer_size));
  if (Checksum(bytes) != trailer_.footer_checksum) return Corrupt("the footer is damaged");
  ASSIGN_OR_RETURN(footer_, ParseFooter(bytes, relations_.size()));
  return {};
}

// The blocks fill the room between header and footer, and the totals are theirs.
Result<void> Reader::LayOutBlocks() {
  uint64_t offset = blocks_offset_;
  uint64_t transactions = 0;
  uint64_t changes = 0;
  for (BlockStats& block : footer_.blocks) {
    if (block.size > trailer_.footer_offset - offset || block.changes > format::kMaxBlockChanges ||
        block.transactions > format::kMaxBlockSlices) {
      return Corrupt("the footer does not fit the blocks");
    }
    block.offset = offset;
    offset += block.size;
    transactions += block.transactions;
    changes += block.changes;
  }
  if (offset != trailer_.footer_offset || transactions != footer_.transactions ||
      changes != footer_.changes) {
    return Corrupt("the footer does not fit the blocks");
  }
  return {};
}

Result<void> Reader::ReadBlock(size_t index, BlockForm form, DecodedBlock* block) const {
  if (index >= footer_.blocks.size()) {
    return Fail(ErrorKind::kInvalidArgument, name_ + ": no block " + std::to_string(index));
  }
  const Result<void> decoded = Decode(footer_.blocks[index], form, block->storage());
  if (decoded) return {};
  return Fail(Error(decoded.error()).WithContext(name_ + ": block " + std::to_string(index)));
}

Result<void> Reader::Decode(const BlockStats& stats, BlockForm form,
                            DecodedBlock::Storage* storage) const {
  storage->encoded.resize(stats.size);
  TRY(source_->Read(stats.offset, storage->encoded.data(), stats.size));
  if (Checksum(storage->encoded) != stats.checksum) return Corrupt("its bytes are damaged");
  TRY(DecodeBlock(relations_, form, storage));
  return CheckAgainstFooter(stats, form, *storage);
}

Result<void> Reader::CheckDigest() const {
  Sha256 sha;
  std::string buffer(std::min<uint64_t>(trailer_.offset, kDigestedBytes), '\0');
  for (uint64_t offset = 0; offset < trailer_.offset;) {
    const size_t count = std::min<uint64_t>(buffer.size(), trailer_.offset - offset);
    TRY(source_->Read(offset, buffer.data(), count));
    sha.Update({buffer.data(), count});
    offset += count;
  }
  if (sha.Finish() == trailer_.digest) return {};
  return Corrupt(name_ + ": its bytes do not have the digest that its trailer states");
}

}  // namespace

Result<std::unique_ptr<SegmentReader>> SegmentReader::Open(std::unique_ptr<ByteSource> source,
                                                           std::string name) {
  auto reader = std::make_unique<Reader>(std::move(source), std::move(name));
  if (Result<void> opened = reader->Open(); !opened) {
    return Fail(std::move(opened).error().WithContext(reader->name()));
  }
  return std::unique_ptr<SegmentReader>(std::move(reader));
}

}  // namespace trunkline
