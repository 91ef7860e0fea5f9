// Explanation: what a rebuild would read and do, found without doing it.
//
// Reads headers and footers, and decodes the blocks with messages and few others. Finds as errors
// what the rebuild would: a hole, a gap, a segment that does not follow the one before it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/catalog.h"
#include "archive/doubt_finder.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/state.h"
#include "replay/target.h"

namespace trunkline {

// What an estimate of the time goes by: rates that a machine of two cores keeps up with an archive
// on its own disk. They say nothing of the network, nor of the destination.
inline constexpr uint64_t kEstimatedBytesPerSecond = uint64_t{200} << 20;
inline constexpr uint64_t kEstimatedChangesPerSecond = 5'000'000;

struct Explanation {
  struct Snapshot {
    Lsn lsn;
    bool base = false;
    uint64_t tables = 0;  // of those to be rebuilt
    uint64_t parts = 0;
    uint64_t bytes = 0;
  };
  struct Segment {
    std::string name;
    Lsn begin;
    Lsn end;
    uint64_t bytes = 0;
    uint64_t blocks = 0;
    uint64_t blocks_read = 0;
    uint64_t bytes_read = 0;
    uint64_t changes = 0;  // in the blocks read
  };
  struct Table {
    QualifiedName name;  // as of the last change or snapshot of it
    uint64_t snapshot_rows = 0;
    uint64_t snapshot_bytes = 0;
    uint64_t changes = 0;      // in the blocks read; a block may reach beyond the target
    uint64_t block_bytes = 0;  // of blocks with some of them; one of several tables counts for each
  };

  ResolvedTarget target;
  std::vector<Snapshot> snapshots;   // by LSN
  std::vector<Segment> segments;     // by LSN; each follows the one before, by range and by digest
  std::map<uint32_t, Table> tables;  // by relation OID
  Lsn from;                          // up to the target's limit every change is there
  // Tables that the rebuild would refuse, or may: footers do not tell of each whether it has rows.
  std::vector<DoubtInterval> doubts;
  std::string destination;       // its address
  std::optional<Error> refused;  // by the destination

  uint64_t bytes_read() const;
  uint64_t snapshot_rows() const;
  uint64_t changes() const;
  double estimated_seconds() const;
};

// Of `options`, `tables` and `skip` count.
Result<Explanation> ExplainRebuild(const Store& store, const Catalog& catalog,
                                   const ResolvedTarget& target, const StateOptions& options);

// For people; each segment too where `verbose`.
std::string ToText(const Explanation& explanation, bool verbose);
std::string ToJsonText(const Explanation& explanation);

}  // namespace trunkline
