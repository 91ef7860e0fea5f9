#include "replay/archive_summary.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <span>

#include "archive/listed_segment.h"
#include "archive/manifest.h"
#include "archive/segment_reader.h"
#include "replay/newest_catalog.h"

namespace trunkline {
namespace {

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
                     OpenListed(store_, entry.name));
    TRY(doubts_.AddSegment(reader));
    summary_.transactions += reader->transactions();
    summary_.changes += reader->changes();
    AddServer(entry.begin, reader->header());
    AddDistance(entry, *reader);
    if (entry.gap) {
      summary_.gaps.push_back({entry.begin, entry.end, reader->header().gap_reason});
    }
    for (size_t i = 0; i < reader->blocks().size(); ++i) {
      const BlockStats& block = reader->blocks()[i];
      AddTables(*reader, block);
      activity_.Add(block);
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

  void TakeActivity() {
    summary_.over_span = activity_.OverSpan();
    summary_.last_day = activity_.Recently(std::chrono::hours(24));
  }

  // One that is cut short may be removed at any time.
  Result<void> AddSnapshotTimes() {
    for (const SnapshotEntry& entry : summary_.catalog.snapshots) {
      if (!entry.complete && entry.tables.empty()) continue;
      SnapshotTimes& times = summary_.snapshot_times[entry.lsn];
      ASSIGN_OR_RETURN(times.noted, SnapshotTime(store_, entry));
      times.commits = activity_.Around(entry.lsn);
    }
    return {};
  }

  // The newest base snapshot.
  Result<void> AddSnapshot(const SnapshotEntry& entry) {
    std::map<std::string, uint64_t> sizes;
    for (const SnapshotEntry& snapshot : summary_.catalog.snapshots) {
      for (const ObjectInfo& part : snapshot.parts) sizes[part.name] = part.size;
    }
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> manifest,
                     OpenListed(store_, SnapshotManifestName(entry.lsn)));
    for (const SnapshotPart& part : manifest->header().parts) {
      TableOf(part.relation).snapshot_rows += part.rows;
      TableOf(part.relation).snapshot_bytes += sizes[part.name];
    }
    return {};
  }

  Result<void> FindLast() {
    for (auto entry = summary_.catalog.segments.rbegin();
         entry != summary_.catalog.segments.rend() && !summary_.last; ++entry) {
      ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader,
                       OpenListed(store_, entry->name));
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

  void AddServer(Lsn from, const SegmentHeader& header) {
    const ServerRun run{from, header.timeline, header.server_version};
    const bool same = !summary_.servers.empty() &&
                      summary_.servers.back().timeline == run.timeline &&
                      summary_.servers.back().server_version == run.server_version;
    if (!same) summary_.servers.push_back(run);
  }

  void AddDistance(const SegmentEntry& entry, const SegmentReader& reader) {
    if (!summary_.distance || entry.end <= summary_.distance->snapshot) return;
    ++summary_.distance->segments;
    summary_.distance->bytes += entry.size;
    for (const BlockStats& block : reader.blocks()) {
      if (block.commit_lsn_max >= summary_.distance->snapshot) {
        summary_.distance->changes += block.changes;
      }
    }
  }

  void AddTables(const SegmentReader& reader, const BlockStats& block) {
    const auto changes_of = [](const BlockRelationStats& stats) {
      return stats.inserts + stats.updates + stats.deletes + stats.truncates;
    };
    uint64_t changes = 0;
    for (const BlockRelationStats& stats : block.relations) changes += changes_of(stats);
    for (const BlockRelationStats& stats : block.relations) {
      TableOf(reader.relations()[stats.relation_index]).change_bytes += static_cast<uint64_t>(
          static_cast<double>(block.size) * static_cast<double>(changes_of(stats)) /
          static_cast<double>(std::max<uint64_t>(changes, 1)));
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
  ActivityMeter activity_;
};

}  // namespace

namespace {

Result<ArchiveSummary> SummarizeOnce(
    const Store& store, const Catalog& catalog,
    const std::function<void(uint64_t done, uint64_t total)>& progress) {
  ArchiveSummary summary;
  summary.catalog = catalog;
  for (const SegmentEntry& entry : summary.catalog.segments) summary.segment_bytes += entry.size;
  for (const SnapshotEntry& entry : summary.catalog.snapshots) summary.snapshot_bytes += entry.size;
  summary.bytes = summary.segment_bytes + summary.snapshot_bytes;
  if (!summary.catalog.segments.empty()) summary.begin = summary.catalog.segments.front().begin;

  const SnapshotEntry* newest = summary.catalog.SnapshotAtOrBefore(Lsn{UINT64_MAX});
  if (newest != nullptr) {
    const bool tiled =
        SegmentsBetween(summary.catalog, newest->lsn, summary.catalog.end()).has_value();
    summary.distance =
        Distance{.snapshot = newest->lsn, .segments = 0, .changes = 0, .bytes = 0, .gap = !tiled};
  }

  Summarizer summarizer(store, &summary);
  TRY(summarizer.PrepareDoubts());
  uint64_t done = 0;
  for (const SegmentEntry& entry : summary.catalog.segments) {
    TRY(summarizer.AddSegment(entry));
    done += entry.size;
    if (progress) progress(done, summary.segment_bytes);
  }
  summarizer.TakeDoubts();
  summarizer.TakeActivity();
  TRY(summarizer.FindLast());
  TRY(summarizer.AddSnapshotTimes());
  if (newest != nullptr) TRY(summarizer.AddSnapshot(*newest));
  return summary;
}

}  // namespace

Result<ArchiveSummary> SummarizeArchive(
    const Store& store, const std::function<void(uint64_t done, uint64_t total)>& progress) {
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(store));
  return OnNewestCatalog<ArchiveSummary>(
      store, catalog, [&](const Catalog& now) { return SummarizeOnce(store, now, progress); });
}

}  // namespace trunkline
