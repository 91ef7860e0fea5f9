#include "replay/archive_summary.h"

#include <iterator>
#include <memory>
#include <span>

#include "archive/segment_reader.h"

namespace trunkline {
namespace {

constexpr std::string_view kRestorePointPrefix = "trunkline.restore_point";

// The first of `slices` in their order that is a transaction's, rather than a message's that stands
// alone.
template <typename Slices>
std::optional<TransactionInfo> FirstTransaction(const Slices& slices) {
  for (const TransactionSlice& slice : slices) {
    if (slice.info.xid.valid()) return slice.info;
  }
  return std::nullopt;
}

class Summarizer {
 public:
  Summarizer(const Store& store, ArchiveSummary* summary) : store_(store), summary_(*summary) {}

  Result<void> AddSegment(const SegmentEntry& entry) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const SegmentReader> reader,
                     OpenSegment(store_, entry.name));
    TRY(doubts_.AddSegment(reader));
    summary_.transactions += reader->transactions();
    summary_.changes += reader->changes();
    if (entry.gap) {
      summary_.gaps.push_back({entry.begin, entry.end, reader->header().gap_reason});
    }
    for (size_t i = 0; i < reader->blocks().size(); ++i) {
      const BlockStats& block = reader->blocks()[i];
      AddTables(*reader, block);
      if (block.has_messages) TRY(AddRestorePoints(*reader, i));
      if (!summary_.first) TRY(FindFirst(*reader, i));
    }
    return {};
  }

  Result<void> PrepareDoubts() {
    ASSIGN_OR_RETURN(std::vector<TablesAt> snapshots,
                     SnapshotsFrom(store_, summary_.catalog, Lsn{}));
    for (TablesAt& snapshot : snapshots) doubts_.AddSnapshot(std::move(snapshot));
    return {};
  }

  void TakeDoubts() {
    summary_.doubts = doubts_.ended();
    for (DoubtInterval& doubt : doubts_.open()) summary_.doubts.push_back(std::move(doubt));
  }

  Result<void> AddSnapshot(const SnapshotEntry& entry) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> manifest,
                     OpenSegment(store_, SnapshotManifestName(entry.lsn)));
    for (const SnapshotPart& part : manifest->header().parts) {
      TableOf(part.relation).snapshot_rows += part.rows;
    }
    return {};
  }

  Result<void> FindLast() {
    for (auto entry = summary_.catalog.segments.rbegin();
         entry != summary_.catalog.segments.rend() && !summary_.last; ++entry) {
      ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader,
                       OpenSegment(store_, entry->name));
      for (size_t i = reader->blocks().size(); i-- > 0 && !summary_.last;) {
        TRY(reader->ReadBlock(i, &block_));
        const std::span<const TransactionSlice> slices = block_.slices();
        summary_.last = FirstTransaction(std::vector<TransactionSlice>(
            std::make_reverse_iterator(slices.end()), std::make_reverse_iterator(slices.begin())));
      }
    }
    return {};
  }

 private:
  TableCounts& TableOf(const Relation& relation) {
    return summary_.tables[{relation.schema, relation.name}];
  }

  void AddTables(const SegmentReader& reader, const BlockStats& block) {
    for (const BlockRelationStats& stats : block.relations) {
      TableCounts& table = TableOf(reader.relations()[stats.relation_index]);
      table.inserts += stats.inserts;
      table.updates += stats.updates;
      table.deletes += stats.deletes;
      table.truncates += stats.truncates;
    }
  }

  Result<void> AddRestorePoints(const SegmentReader& reader, size_t index) {
    TRY(reader.ReadBlock(index, &block_));
    for (const TransactionSlice& slice : block_.slices()) {
      for (const Change& change :
           block_.changes().subspan(slice.first_change, slice.change_count)) {
        if (change.operation != Operation::kMessage || !change.transactional ||
            change.prefix != kRestorePointPrefix) {
          continue;
        }
        summary_.restore_points.push_back({std::string(change.content), slice.info});
      }
    }
    return {};
  }

  Result<void> FindFirst(const SegmentReader& reader, size_t index) {
    TRY(reader.ReadBlock(index, &block_));
    summary_.first = FirstTransaction(block_.slices());
    return {};
  }

  const Store& store_;
  ArchiveSummary& summary_;
  DecodedBlock block_;
  DoubtFinder doubts_;
};

}  // namespace

Result<ArchiveSummary> SummarizeArchive(
    const Store& store, const std::function<void(uint64_t done, uint64_t total)>& progress) {
  ArchiveSummary summary;
  ASSIGN_OR_RETURN(summary.catalog, LoadCatalog(store));
  for (const SegmentEntry& entry : summary.catalog.segments) summary.segment_bytes += entry.size;
  for (const SnapshotEntry& entry : summary.catalog.snapshots) summary.snapshot_bytes += entry.size;
  summary.bytes = summary.segment_bytes + summary.snapshot_bytes;
  if (!summary.catalog.segments.empty()) summary.begin = summary.catalog.segments.front().begin;

  Summarizer summarizer(store, &summary);
  TRY(summarizer.PrepareDoubts());
  uint64_t done = 0;
  for (const SegmentEntry& entry : summary.catalog.segments) {
    TRY(summarizer.AddSegment(entry));
    done += entry.size;
    if (progress) progress(done, summary.segment_bytes);
  }
  summarizer.TakeDoubts();
  TRY(summarizer.FindLast());
  const SnapshotEntry* newest = summary.catalog.SnapshotAtOrBefore(Lsn{UINT64_MAX});
  if (newest != nullptr) TRY(summarizer.AddSnapshot(*newest));
  return summary;
}

}  // namespace trunkline
