// SnapshotWriter: writes a rebuilt state back into its archive, as a base snapshot.
#pragma once

#include <cstdint>
#include <string>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"
#include "replay/state.h"

namespace trunkline {

struct WrittenSnapshot {
  Lsn lsn;
  uint64_t tables = 0;
  uint64_t rows = 0;
  uint64_t parts = 0;
};

// Publishes `state`, which is whole and of the archive that `catalog` lists, as the base snapshot
// at its target. A daemon may append to the archive meanwhile, and another snapshot may be taken at
// the same LSN; one that is cut short counts for nothing, and the daemon removes what it leaves.
// kUnavailable where somebody removed parts before they counted: write it again.
Result<WrittenSnapshot> WriteSnapshot(Store* store, const Catalog& catalog,
                                      const DatabaseState& state,
                                      const std::string& scratch_directory);

}  // namespace trunkline
