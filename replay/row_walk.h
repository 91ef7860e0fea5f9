// RowWalk: plays a stretch of an archive, snapshots and segments in their order, as events of the
// rows of tables. Skips by their footers the blocks that cannot hold a wanted one.
//
// Which rows are in doubt it tells as `trunkline info` does: a table that had rows once counts as
// having some.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "archive/rebuild_start.h"
#include "archive/schema_fold.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/row_event.h"
#include "replay/walk_plan.h"

namespace trunkline {

struct WalkCounts {
  uint64_t segments = 0;  // opened, parts of snapshots too
  uint64_t blocks = 0;    // decoded
  uint64_t skipped = 0;   // blocks passed over
};

class RowWalk final : private SchemaFold {
 public:
  // Nothing is owned. All tables are walked where `wanted` is null.
  RowWalk(const Store& store, Wanted wanted, RowSink* sink);

  // Called behind each segment, with what has been walked of the plan's segments, in bytes.
  using AfterSegment =
      std::function<Result<void>(const SegmentReader& segment, uint64_t done, uint64_t total)>;
  // Walks a plan from its beginning, or from where it was resumed. `after` may be null.
  Result<void> Run(const WalkPlan& plan, const AfterSegment& after);

  // Whether Save keeps all that is known: not between the parts of a table's snapshot.
  bool can_save() const { return kept_back_.empty(); }
  // What a walk knows behind a segment, see SchemaFold::Save.
  Result<std::string> Save() const { return SchemaFold::Save(); }
  // Goes on behind a segment of that digest.
  Result<void> Resume(std::string_view saved, Lsn end, std::string digest);

  const WalkCounts& counts() const { return counts_; }
  std::unordered_map<uint32_t, std::shared_ptr<const TableShape>> Shapes() const;  // by OID
  // Tables in doubt now.
  std::vector<uint32_t> InDoubt() const;

 private:
  class Rows;
  // A part of a table's rows, of an attempt at a snapshot that was cut short.
  struct Copied {
    Lsn lsn;
    std::shared_ptr<const TableShape> shape;
    std::vector<SnapshotPart> parts;
    std::unordered_set<std::string> touched;  // keys of rows that were changed since
  };

  std::unique_ptr<TableRows> NewRows(const Relation& relation) override;
  std::unique_ptr<TableRows> RestoredRows(const Relation& relation, bool has_rows,
                                          std::optional<Error> doubt) override;
  void OnDefinition(Lsn lsn) override;

  bool IsLoaded(uint32_t oid) const;
  bool IsKnown(uint32_t oid) const;
  Rows* RowsOf(uint32_t oid);
  void Emit(uint32_t oid, RowEvent event);
  Moment Now() const;

  Result<void> TakeSnapshot(const TablesAt& snapshot);
  Result<void> LoadRows(Lsn lsn, const std::vector<SnapshotPart>& parts);
  Result<void> LoadPart(const SnapshotPart& part, Lsn lsn,
                        const std::unordered_set<std::string>* touched);
  void KeepBack(const SnapshotPart& part, Lsn lsn, const Definition& definition);
  Result<void> Touch(const Change& change, std::vector<Copied>* copies);
  Result<void> TakeSnapshotsUpTo(Lsn lsn);
  Result<void> AddSegment(const std::shared_ptr<const SegmentReader>& reader, Lsn until);
  Result<void> AddBlock(const std::shared_ptr<const SegmentReader>& reader, size_t index,
                        Lsn until);
  bool MustDecode(const SegmentReader& reader, const BlockStats& block);
  Result<void> Play(const std::shared_ptr<const SegmentReader>& reader, size_t index, Lsn from,
                    Lsn limit);
  Result<void> TakeChange(const Change& change, const Moment& at);
  Tuple WithKey(const Change& change, const TableShape& shape);

  const Store& store_;
  Wanted wanted_;
  RowSink* sink_;
  WalkCounts counts_;
  bool started_ = false;
  bool resumed_ = false;                         // all tables have their snapshots behind them
  std::unordered_map<uint32_t, Lsn> loaded_at_;  // by relation OID: the first snapshot
  Lsn base_;                                     // the first base snapshot
  Lsn loaded_;                                   // the newest snapshot that was taken
  std::vector<TablesAt> snapshots_;              // still to come, the next one last
  std::unordered_set<uint32_t> alive_;           // tables with an entry
  // By relation OID: what there is of tables until the snapshot that makes them whole.
  std::unordered_map<uint32_t, std::vector<Copied>> kept_back_;
  Moment moment_;            // of the change at hand
  Result<void> outcome_;     // of events emitted where no error can be told
  std::string last_digest_;  // of the segment before
  Lsn last_end_;
  DecodedBlock block_;
  std::vector<Value> row_;  // scratch
};

}  // namespace trunkline
