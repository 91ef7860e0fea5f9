// Verify: proves that nothing in an archive was altered, removed or reordered.
#pragma once

#include <functional>
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
  uint64_t segments = 0;
  uint64_t snapshots = 0;
  uint64_t transactions = 0;
  uint64_t changes = 0;
  uint64_t bytes = 0;
  Lsn begin;
  Lsn end;
  std::vector<Finding> findings;  // damage: empty for a sound archive
  std::vector<Finding> gaps;      // GAP segments: recorded losses of the source, not damage
  std::vector<Finding> notes;     // incomplete snapshots, foreign objects: harmless
};

// Reads every byte: decodes every block, recomputes every digest, checks the digest chain, the
// tiling, that every transaction lies in its segment's range and in commit order, and every
// complete snapshot's parts. Goes on after a finding. An Error only where the store itself fails.
Result<VerifyReport> Verify(
    const Store& store,
    const std::function<void(uint64_t bytes_done, uint64_t bytes_total)>& progress);

}  // namespace trunkline
