#include "archive/segment_merge.h"

#include <optional>
#include <utility>

#include "archive/listed_segment.h"
#include "archive/transaction_digest.h"
#include "base/check.h"

namespace trunkline {
namespace {

// A segment that is not published yet, to be read; not owned.
class Unpublished final : public ByteSource {
 public:
  explicit Unpublished(const ByteSource& source) : source_(source) {}
  uint64_t size() const override { return source_.size(); }
  Result<void> Read(uint64_t offset, char* buffer, size_t length) const override {
    return source_.Read(offset, buffer, length);
  }

 private:
  const ByteSource& source_;
};

class Merger {
 public:
  explicit Merger(const SegmentOptions& options) : writer_(options), digest_(&writer_) {}

  Result<void> Add(const SegmentReader& reader) {
    TRY(AddToHeader(reader));
    // A block's checksum vouches for it, the digest for everything.
    TRY(reader.CheckDigest());
    return reader.ForEach(&digest_);
  }

  Result<std::unique_ptr<FinishedSegment>> Finish() {
    CHECK(header_.has_value());
    ASSIGN_OR_RETURN(std::unique_ptr<FinishedSegment> merged, writer_.Finish(*std::move(header_)));
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader,
                     SegmentReader::Open(std::make_unique<Unpublished>(*merged), "merged segment"));
    TransactionDigest written;
    TRY(reader->ForEach(&written));
    TRY(reader->CheckDigest());
    if (written.Finish() != digest_.Finish()) {
      return Fail(ErrorKind::kFailed,
                  "the merged segment does not say what the segments before it do; nothing was "
                  "changed",
                  "report this as a fault of trunkline");
    }
    return merged;
  }

 private:
  Result<void> AddToHeader(const SegmentReader& reader) {
    const SegmentHeader& header = reader.header();
    CHECK(header.kind == SegmentKind::kChanges);
    if (!header_) {
      header_ = header;
      header_->replaced.clear();
    } else {
      const ReplacedSegment& last = header_->replaced.back();
      if (header.begin != last.end || header.previous_digest != last.digest ||
          header.identity_digest != header_->identity_digest ||
          header.timeline != header_->timeline ||
          header.server_version != header_->server_version) {
        return Fail(ErrorKind::kCorrupt, reader.name() + " does not follow the segment before it",
                    "trunkline verify finds all damage");
      }
    }
    header_->end = header.end;
    if (header.replaced.empty()) {
      header_->replaced.push_back({header.end, reader.digest()});
    } else {
      header_->replaced.insert(header_->replaced.end(), header.replaced.begin(),
                               header.replaced.end());
    }
    return {};
  }

  SegmentWriter writer_;
  TransactionDigest digest_;
  std::optional<SegmentHeader> header_;
};

// Writes the segments that a merged one stands for, until one is not what it was.
class Reproducer final : public TransactionSink {
 public:
  Reproducer(const SegmentHeader& merged, const SegmentOptions& options)
      : merged_(merged), options_(options), writer_(options) {}

  Result<void> Begin(const TransactionInfo& transaction) override {
    while (count_ + 1 < merged_.replaced.size() && IsPast(transaction, Next().end)) {
      TRY(FinishOne());
    }
    return writer_.Begin(transaction);
  }
  Result<void> OnChange(const Change& change) override { return writer_.OnChange(change); }
  Result<void> Commit(const TransactionInfo& transaction) override {
    return writer_.Commit(transaction);
  }

  Result<size_t> Finish() {
    while (!differs_ && count_ < merged_.replaced.size()) TRY(FinishOne());
    return count_;
  }
  bool differs() const { return differs_; }
  size_t count() const { return count_; }

 private:
  // A commit record begins before its segment's end; of a message outside of transactions the LSN
  // known is where its record ends.
  static bool IsPast(const TransactionInfo& transaction, Lsn end) {
    return transaction.xid.valid() ? transaction.commit_lsn >= end : transaction.commit_lsn > end;
  }
  const ReplacedSegment& Next() const { return merged_.replaced[count_]; }

  Result<void> FinishOne() {
    SegmentHeader header = merged_;
    header.replaced.clear();
    header.end = Next().end;
    if (count_ > 0) {
      header.begin = merged_.replaced[count_ - 1].end;
      header.previous_digest = merged_.replaced[count_ - 1].digest;
    }
    ASSIGN_OR_RETURN(const std::unique_ptr<FinishedSegment> segment,
                     std::exchange(writer_, SegmentWriter(options_)).Finish(std::move(header)));
    differs_ = segment->digest() != Next().digest;
    if (differs_) return Fail(ErrorKind::kCancelled, "it is not what it was");
    ++count_;
    return {};
  }

  const SegmentHeader& merged_;
  const SegmentOptions options_;
  SegmentWriter writer_;
  size_t count_ = 0;
  bool differs_ = false;
};

}  // namespace

Result<std::unique_ptr<FinishedSegment>> MergeSegments(
    const Store& store, std::span<const std::string> names, const SegmentOptions& options,
    const std::function<void(uint64_t bytes)>& read) {
  Merger merger(options);
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store, name));
    TRY(merger.Add(*reader));
    if (!read) continue;
    const std::span<const BlockStats> blocks = reader->blocks();
    read(blocks.empty() ? 0 : blocks.back().offset + blocks.back().size);
  }
  return merger.Finish();
}

Result<size_t> CountReproduced(const SegmentReader& merged, const SegmentOptions& options) {
  Reproducer reproducer(merged.header(), options);
  Result<void> played = merged.ForEach(&reproducer);
  if (!played && !reproducer.differs()) return Fail(std::move(played).error());
  if (!played) return reproducer.count();
  Result<size_t> count = reproducer.Finish();
  if (!count && reproducer.differs()) return reproducer.count();
  return count;
}

}  // namespace trunkline
