// Verify: proves that nothing in an archive was altered, removed or reordered.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

struct Finding {
  std::string object;   // name, or a range of LSNs where an object is missing
  std::string problem;  // one line
};

struct VerifyReport {
  uint64_t segments = 0;         // of changes and gaps
  uint64_t snapshots = 0;        // complete ones
  uint64_t table_snapshots = 0;  // of single tables
  uint64_t transactions = 0;     // of the segments
  uint64_t changes = 0;
  uint64_t snapshot_rows = 0;
  uint64_t bytes = 0;           // of all that was read
  uint64_t merged = 0;          // of the segments, how many stand for others
  uint64_t replaced = 0;        // how many those are
  uint64_t reproduced = 0;      // how many of them were written anew as they had been
  std::optional<Lsn> retained;  // what was archived before was removed on purpose
  Lsn begin;                    // of the first segment
  Lsn end;                      // of the last
  // Of the last segment, 32 bytes; empty when that is damaged. As each digest covers the one
  // before, it stands for the whole chain: noted elsewhere, it shows a loss at the end as well.
  std::string last_digest;

  // There are findings, and others merged or removed while they were made: verify again, since that
  // may explain them.
  bool disturbed = false;

  std::vector<Finding> findings;  // damage: empty for a sound archive
  std::vector<Finding> gaps;      // GAP segments: recorded losses of the source, not damage
  std::vector<Finding> notes;     // incomplete snapshots, foreign objects: harmless
};

// Reads every byte: decodes every block, recomputes every digest, checks the digest chain, the
// tiling, that every transaction lies in its segment's range and in commit order, and every
// snapshot's parts. Goes on after a finding. An Error only where the store itself fails,
// holds nothing of an archive (kNotFound), or is merged or removed from meanwhile (kConflict).
// `progress` may be null. With `originals`, merged segments are also taken apart again, and what
// they stand for is written anew: digests that are what they were prove that nothing was altered.
// Notes say where they are not, which another build of the writer explains as well.
Result<VerifyReport> Verify(
    const Store& store,
    const std::function<void(uint64_t bytes_done, uint64_t bytes_total)>& progress,
    bool originals = false);

}  // namespace trunkline
