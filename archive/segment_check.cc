#include "archive/segment_check.h"

#include <algorithm>
#include <string>

#include "archive/catalog.h"

namespace trunkline {
namespace {

tl::unexpected<Error> Wrong(std::string message) {
  return Fail(ErrorKind::kCorrupt, std::move(message));
}

// Follows the slices of a segment from its first transaction to its last.
class TransactionOrder {
 public:
  explicit TransactionOrder(const SegmentHeader& header)
      : header_(header), reached_(header.begin), snapshot_(header.kind != SegmentKind::kChanges) {}

  Result<void> Visit(const TransactionSlice& slice) {
    if (slice.begins == open_) return Wrong("a transaction begins or goes on out of turn");
    open_ = !slice.ends;
    if (!slice.ends) return {};
    ++transactions_;
    return snapshot_ ? Result<void>() : CheckPosition(slice.info);
  }

  Result<void> Finish(uint64_t transactions) const {
    if (open_) return Wrong("its last transaction has no end");
    if (transactions_ != transactions) return Wrong("the footer's count of transactions is wrong");
    return {};
  }

 private:
  Result<void> CheckPosition(const TransactionInfo& transaction) {
    const Lsn end = transaction.end_lsn;
    if (end <= header_.begin || end > header_.end) {
      return Wrong("the transaction that ends at " + end.ToString() + " is not of its range");
    }
    if (transaction.commit_lsn > end || transaction.commit_lsn < last_end_ || end <= reached_) {
      return Wrong("the transaction that ends at " + end.ToString() + " is out of commit order");
    }
    reached_ = end;
    last_end_ = end;
    return {};
  }

  const SegmentHeader& header_;
  Lsn reached_;
  Lsn last_end_;
  const bool snapshot_;
  bool open_ = false;
  uint64_t transactions_ = 0;
};

using VisitBlock = std::function<Result<void>(const DecodedBlock& block)>;

Result<void> CheckContent(const SegmentReader& reader, const BytesDone& progress,
                          const VisitBlock& visit) {
  TransactionOrder order(reader.header());
  DecodedBlock block;
  uint64_t changes = 0;
  for (size_t i = 0; i < reader.blocks().size(); ++i) {
    TRY(reader.ReadBlock(i, &block));
    for (const TransactionSlice& slice : block.slices()) TRY(order.Visit(slice));
    changes += block.changes().size();
    TRY(visit(block));
    progress(reader.blocks()[i].offset + reader.blocks()[i].size);
  }
  TRY(order.Finish(reader.transactions()));
  if (changes != reader.changes()) return Wrong("the footer's count of changes is wrong");
  return reader.CheckDigest();
}

}  // namespace

Result<void> CheckChanges(const SegmentReader& reader, const BytesDone& progress) {
  const SegmentKind kind = reader.header().kind;
  if (kind != SegmentKind::kChanges && reader.changes() > 0) {
    return Wrong("it records a gap or a removal, yet holds changes");
  }
  return CheckContent(reader, progress, [](const DecodedBlock&) { return Result<void>(); });
}

Result<void> CheckSnapshotPart(const SegmentReader& reader, const SnapshotPart& part,
                               const BytesDone& progress) {
  if (reader.digest() != part.digest) {
    return Wrong("it is not the part that the snapshot was completed with");
  }
  const auto visit = [&part](const DecodedBlock& block) -> Result<void> {
    const bool rows_only =
        std::all_of(block.changes().begin(), block.changes().end(), [&part](const Change& change) {
          return change.operation == Operation::kInsert && *change.relation == part.relation;
        });
    return rows_only ? Result<void>() : Wrong("it holds more than rows of its table");
  };
  TRY(CheckContent(reader, progress, visit));
  if (reader.changes() != part.rows) {
    return Wrong("it has " + std::to_string(reader.changes()) + " rows instead of " +
                 std::to_string(part.rows));
  }
  return {};
}

Result<void> CheckTableManifest(const SegmentReader& reader, const BytesDone& progress) {
  const std::vector<SnapshotPart>& parts = reader.header().parts;
  if (reader.changes() > 0) return Wrong("it is a manifest, yet holds changes");
  if (parts.empty()) return Wrong("it lists no parts");
  const Relation& table = parts.front().relation;
  const bool one_table = std::all_of(
      parts.begin(), parts.end(), [&](const SnapshotPart& part) { return part.relation == table; });
  if (!one_table) return Wrong("it lists parts of several tables");
  const std::optional<CopiedPages>& pages = reader.header().pages;
  const std::string name =
      pages ? PagesManifestName(reader.header().end, table.schema, table.name, pages->begin)
            : TableManifestName(reader.header().end, table.schema, table.name);
  if (reader.name() != name) {
    return Wrong("it is of another table than its name says");
  }
  return CheckContent(reader, progress, [](const DecodedBlock&) { return Result<void>(); });
}

Result<void> CheckManifest(const SegmentReader& reader, const BytesDone& progress) {
  const auto visit = [](const DecodedBlock& block) -> Result<void> {
    const bool definitions = std::all_of(
        block.changes().begin(), block.changes().end(),
        [](const Change& change) { return change.operation == Operation::kDefinition; });
    return definitions ? Result<void>() : Wrong("it holds more than a definition");
  };
  TRY(CheckContent(reader, progress, visit));
  if (reader.changes() != 1) return Wrong("it does not hold one definition");
  return {};
}

}  // namespace trunkline
