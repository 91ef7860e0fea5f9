#include "replay/timeline.h"

#include <utility>
#include <vector>

#include "archive/listed_segment.h"

namespace trunkline {
namespace {

Result<std::optional<TransactionInfo>> LastInBlock(const SegmentReader& reader, size_t index,
                                                   Lsn limit) {
  DecodedBlock block;
  TRY(reader.ReadBlock(index, &block));
  std::optional<TransactionInfo> last;
  for (const TransactionSlice& slice : block.slices()) {
    if (slice.info.xid.valid() && slice.info.commit_lsn < limit) last = slice.info;
  }
  return last;
}

Result<std::optional<TransactionInfo>> FirstInBlock(const SegmentReader& reader, size_t index,
                                                    Lsn limit) {
  DecodedBlock block;
  TRY(reader.ReadBlock(index, &block));
  for (const TransactionSlice& slice : block.slices()) {
    if (slice.info.xid.valid() && slice.info.commit_lsn >= limit) {
      return std::optional(slice.info);
    }
  }
  return std::optional<TransactionInfo>();
}

}  // namespace

Result<void> Timeline::Scan(
    const ReadAhead::Filter& wanted,
    const std::function<bool(const TransactionSlice& slice, std::span<const Change> changes)>&
        visit) const {
  std::vector<ObjectInfo> objects;
  for (const SegmentEntry& segment : catalog_.segments) {
    if (!segment.gap) objects.push_back({segment.name, segment.size});
  }
  ReadAhead blocks(store_, std::move(objects), wanted);
  for (;;) {
    ASSIGN_OR_RETURN(const ReadAhead::Item* item, blocks.Next());
    if (item == nullptr) return {};
    for (const TransactionSlice& slice : item->block.slices()) {
      if (!slice.info.xid.valid()) continue;  // a message outside of transactions
      if (!visit(slice, item->block.changes().subspan(slice.first_change, slice.change_count))) {
        return {};
      }
    }
  }
}

Result<std::optional<TransactionInfo>> Timeline::LastBefore(Lsn limit) const {
  Lsn reached = limit;
  for (size_t i = catalog_.segments.size(); i-- > 0;) {
    const SegmentEntry& segment = catalog_.segments[i];
    if (segment.begin >= limit) continue;
    if (segment.gap || segment.end < reached) break;
    reached = segment.begin;
    ASSIGN_OR_RETURN(auto reader, OpenListed(store_, segment.name));
    for (size_t block = reader->blocks().size(); block-- > 0;) {
      if (reader->blocks()[block].commit_lsn_min >= limit) continue;
      ASSIGN_OR_RETURN(auto found, LastInBlock(*reader, block, limit));
      if (found) return found;
    }
  }
  return std::optional<TransactionInfo>();
}

Result<std::optional<TransactionInfo>> Timeline::FirstFrom(Lsn limit) const {
  Lsn reached = limit;
  for (const SegmentEntry& segment : catalog_.segments) {
    if (segment.end <= limit) continue;
    if (segment.gap || segment.begin > reached) break;
    reached = segment.end;
    ASSIGN_OR_RETURN(auto reader, OpenListed(store_, segment.name));
    for (size_t block = 0; block < reader->blocks().size(); ++block) {
      if (reader->blocks()[block].commit_lsn_max < limit) continue;
      ASSIGN_OR_RETURN(auto found, FirstInBlock(*reader, block, limit));
      if (found) return found;
    }
  }
  return std::optional<TransactionInfo>();
}

}  // namespace trunkline
