// Manifests: what completes the snapshots of an archive, read back.
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
  std::string publication_state;
};

// Of a complete base snapshot. kCorrupt when it is no manifest or lacks its definition.
Result<Manifest> ReadManifest(const Store& store, Lsn snapshot);
// What stands beside the manifests of single tables; it has no parts.
Result<Manifest> ReadSnapshotDefinition(const Store& store, Lsn snapshot);
// The header of a single table's manifest: one part or more, all of one table.
Result<SegmentHeader> ReadTableManifest(const Store& store, const std::string& name);
// The same of a range of its pages; it has `pages`.
Result<SegmentHeader> ReadPagesManifest(const Store& store, const std::string& name);

// When the snapshot was taken, where its writer noted it.
Result<std::optional<Timestamp>> SnapshotTime(const Store& store, const SnapshotEntry& snapshot);

}  // namespace trunkline
