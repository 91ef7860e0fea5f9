// IndexWriter: writes the events of walks into an index.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "archive/catalog.h"
#include "base/error.h"
#include "replay/index_records.h"
#include "replay/row_event.h"
#include "replay/row_index.h"
#include "replay/row_walk.h"

namespace trunkline {

// What IndexMark::snapshots says of the snapshots up to `end`.
std::vector<std::pair<Lsn, uint64_t>> SnapshotsUpTo(const Catalog& catalog, Lsn end);

class IndexWriter final : public RowSink {
 public:
  // Goes on from `mark`. The index is the caller's.
  IndexWriter(HistoryIndex* index, IndexMark mark)
      : index_(index), mark_(std::move(mark)), settled_(mark_.settled.value_or(Lsn{})) {}

  const IndexMark& mark() const { return mark_; }
  IndexMark* mutable_mark() { return &mark_; }
  uint64_t changes() const { return changes_; }
  uint64_t segments() const { return segments_; }

  Result<void> Take(uint32_t oid, const RowEvent& event) override;
  bool WantsRows(const TableShape& shape, const BlockRelationStats&) const override {
    return !shape.key.empty();
  }

  // A walk begins, which tells all that counts from there on.
  void Begin(Lsn lsn);
  // A walk goes on that was resumed.
  void GoOn(const RowWalk& walk);
  // All of a segment was taken.
  Result<void> NoteSegment(const std::string& name, uint64_t size, Lsn end,
                           const std::string& digest);

  uint64_t unmarked_bytes() const { return index_->put_bytes() - marked_bytes_; }
  // What was taken so far counts, when the next reader opens the index or the next run goes on with
  // the walk; durable when this returns.
  Result<void> Mark(const Catalog& catalog, const RowWalk& walk);

 private:
  Result<void> TakeTableEvent(uint32_t oid, const RowEvent& event);
  Result<void> PutName(uint32_t oid, const Relation* relation);
  void FollowDoubt(uint32_t oid, const RowEvent& event);

  HistoryIndex* index_;
  IndexMark mark_;
  std::unordered_map<uint32_t, std::shared_ptr<const TableShape>> shapes_;  // by OID
  std::unordered_set<uint32_t> doubts_;                                     // tables in doubt
  Lsn settled_;                                                             // no doubt ended since
  Moment last_;          // of the table event before
  uint32_t number_ = 0;  // of table events at that moment
  uint64_t changes_ = 0;
  uint64_t segments_ = 0;
  uint64_t marked_bytes_ = 0;
};

}  // namespace trunkline
