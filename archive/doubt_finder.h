// DoubtFinder: which tables of an archive are in doubt, and where: between the change after which
// their rows cannot be told and the snapshot that tells them again.
//
// Follows an archive by the headers and footers of its segments. Decodes only the blocks with
// messages and those where a table is described otherwise than before, or truncated. Knows no rows:
// a table that had some once may be said to be in doubt where a rebuild finds that none is touched.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/rebuild_start.h"
#include "archive/schema_fold.h"
#include "archive/segment_reader.h"
#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

struct DoubtInterval {
  uint32_t oid = 0;
  std::pair<std::string, std::string> table;  // schema, name
  Lsn from;
  std::optional<Lsn> until;  // none: to the archive's end
  std::string reason;
};

class DoubtFinder final : private SchemaFold {
 public:
  DoubtFinder() : SchemaFold(nullptr) {}

  // A snapshot, base or not; takes effect when the segments get there. By LSN, in any order with
  // segments that end before it.
  void AddSnapshot(TablesAt snapshot);
  // The next segment, of changes or a gap. What comes before the first base snapshot is passed
  // over.
  Result<void> AddSegment(const std::shared_ptr<const SegmentReader>& reader);

  // In place of segments that end at `end` or before, no later than the first base snapshot.
  void PassOver(Lsn end) { reached_ = std::max(reached_, end); }

  // The end of the last segment.
  Lsn reached() const { return reached_; }
  // Intervals that have ended, in the order of their ends.
  const std::vector<DoubtInterval>& ended() const { return ended_; }
  // Tables in doubt at reached(); `until` is a snapshot that was added already, if there is one.
  std::vector<DoubtInterval> open() const;

 private:
  std::unique_ptr<TableRows> NewRows(const Relation& relation) override;
  void OnDoubt(const Relation& relation, Lsn lsn, const Error& doubt) override;
  void OnDoubtEnds(uint32_t oid, Lsn lsn) override;
  void OnDefinition(Lsn lsn) override;

  Result<void> AddBlock(const std::shared_ptr<const SegmentReader>& reader, size_t index);
  bool MustDecode(const SegmentReader& reader, const BlockStats& block);
  Result<void> Play(const std::shared_ptr<const SegmentReader>& reader, Lsn from, Lsn limit);
  Result<void> LoadUpTo(Lsn lsn);
  Result<void> LoadNext();

  std::deque<TablesAt> snapshots_;  // still to come
  bool started_ = false;            // a base snapshot has been loaded
  Lsn reached_;
  std::map<uint32_t, DoubtInterval> open_;  // by relation OID
  std::vector<DoubtInterval> ended_;
  DecodedBlock block_;
};

// Takes a new finder to where the archive's listing ends, from the newest base snapshot on, or from
// the first one where `from_first`. `seen`, which may be null, gets each segment that is read.
Result<void> FollowArchive(const Store& store, const Catalog& catalog, bool from_first,
                           DoubtFinder* finder,
                           const std::function<void(const SegmentReader& segment)>& seen = {});

}  // namespace trunkline
