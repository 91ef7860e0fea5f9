#include "archive/finished_segment.h"

#include <xxhash.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "archive/little_endian.h"
#include "archive/segment_format.h"
#include "archive/sha256.h"

namespace trunkline {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

// What stands before the blocks, the blocks, and what stands after them.
class ComposedSegment : public FinishedSegment {
 public:
  ComposedSegment(SegmentHeader header, std::string front, ScratchBuffer blocks,
                  const SegmentFooter& footer, std::vector<TableTotals> tables)
      : header_(std::move(header)),
        front_(std::move(front)),
        blocks_(std::move(blocks)),
        transactions_(footer.transactions),
        changes_(footer.changes),
        tables_(std::move(tables)) {}

  const SegmentHeader& header() const override { return header_; }
  const std::string& digest() const override { return digest_; }
  uint64_t transactions() const override { return transactions_; }
  uint64_t changes() const override { return changes_; }
  const std::vector<TableTotals>& tables() const override { return tables_; }
  uint64_t size() const override { return front_.size() + blocks_.size() + back_.size(); }

  Result<void> Read(uint64_t offset, char* buffer, size_t length) const override {
    if (offset > size() || length > size() - offset) {
      return Fail(ErrorKind::kTruncated, "read beyond the end of a finished segment");
    }
    while (length > 0) {
      const size_t count = std::min<uint64_t>(length, PieceEnd(offset) - offset);
      TRY(ReadPiece(offset, buffer, count));
      offset += count;
      buffer += count;
      length -= count;
    }
    return {};
  }

  Result<void> AppendFooter(const std::string& footer);

 private:
  uint64_t PieceEnd(uint64_t offset) const {
    if (offset < front_.size()) return front_.size();
    return offset < front_.size() + blocks_.size() ? front_.size() + blocks_.size() : size();
  }
  Result<void> ReadPiece(uint64_t offset, char* buffer, size_t length) const {
    if (offset < front_.size()) {
      front_.copy(buffer, length, offset);
      return {};
    }
    offset -= front_.size();
    if (offset < blocks_.size()) return blocks_.Read(offset, buffer, length);
    back_.copy(buffer, length, offset - blocks_.size());
    return {};
  }
  Result<void> ComputeDigest();

  SegmentHeader header_;
  std::string front_;
  ScratchBuffer blocks_;
  std::string back_;
  std::string digest_;
  uint64_t transactions_;
  uint64_t changes_;
  std::vector<TableTotals> tables_;
};

Result<void> ComposedSegment::AppendFooter(const std::string& footer) {
  back_ = footer;
  TRY(ComputeDigest());
  std::string trailer;
  PutLittleEndian(static_cast<uint32_t>(footer.size()), &trailer);
  PutLittleEndian(uint64_t{XXH3_64bits(footer.data(), footer.size())}, &trailer);
  trailer += digest_;
  PutLittleEndian(uint64_t{XXH3_64bits(trailer.data(), trailer.size())}, &trailer);
  trailer += format::kEndMagic;
  back_ += trailer;
  return {};
}

Result<void> ComposedSegment::ComputeDigest() {
  Sha256 sha;
  std::string buffer(std::min<uint64_t>(size(), kPieceBytes), '\0');
  for (uint64_t offset = 0; offset < size();) {
    const size_t count = std::min<uint64_t>(buffer.size(), size() - offset);
    TRY(Read(offset, buffer.data(), count));
    sha.Update({buffer.data(), count});
    offset += count;
  }
  digest_ = sha.Finish();
  return {};
}

std::string ComposeFront(const std::string& header) {
  std::string front(format::kMagic);
  PutLittleEndian(format::kVersion, &front);
  PutLittleEndian(static_cast<uint32_t>(header.size()), &front);
  front += header;
  PutLittleEndian(uint64_t{XXH3_64bits(front.data(), front.size())}, &front);
  return front;
}

// A table may be several relations, described differently.
std::vector<TableTotals> TotalsOf(const std::vector<const Relation*>& relations,
                                  const SegmentFooter& footer) {
  std::map<std::pair<std::string_view, std::string_view>, TableTotals> by_name;
  for (const BlockStats& block : footer.blocks) {
    for (const BlockRelationStats& stats : block.relations) {
      const Relation& relation = *relations[stats.relation_index];
      TableTotals& totals = by_name[{relation.schema, relation.name}];
      totals.changes += stats.inserts + stats.updates + stats.deletes + stats.truncates;
      totals.raw_bytes += stats.raw_bytes;
    }
  }
  std::vector<TableTotals> tables;
  for (auto& [name, totals] : by_name) {
    totals.schema = name.first;
    totals.name = name.second;
    tables.push_back(std::move(totals));
  }
  return tables;
}

}  // namespace

Result<std::unique_ptr<FinishedSegment>> ComposeSegment(
    SegmentHeader header, const std::vector<const Relation*>& relations, ScratchBuffer blocks,
    const SegmentFooter& footer) {
  const std::string header_bytes = SerializeHeader(header, relations);
  const std::string footer_bytes = SerializeFooter(footer);
  if (header_bytes.size() > format::kMaxHeaderBytes ||
      footer_bytes.size() > format::kMaxFooterBytes) {
    return Fail(ErrorKind::kUnsupported, "a segment's header or footer exceeds 256 MiB",
                "make segments smaller");
  }
  auto segment =
      std::make_unique<ComposedSegment>(std::move(header), ComposeFront(header_bytes),
                                        std::move(blocks), footer, TotalsOf(relations, footer));
  TRY(segment->AppendFooter(footer_bytes));
  return std::unique_ptr<FinishedSegment>(std::move(segment));
}

}  // namespace trunkline
