// Manifest: what completes a base snapshot, read back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/timestamp.h"

namespace trunkline {

struct Manifest {
  std::vector<SnapshotPart> parts;
  std::string definition;  // the JSON document of docs/definition.md
};

// kCorrupt when the manifest is no manifest or lacks its definition.
Result<Manifest> ReadManifest(const Store& store, Lsn snapshot);

// When the snapshot was taken, where its writer noted it.
Result<std::optional<Timestamp>> SnapshotTime(const Store& store, const SnapshotEntry& snapshot);

}  // namespace trunkline
