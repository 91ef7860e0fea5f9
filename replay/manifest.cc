#include "replay/manifest.h"

#include <memory>
#include <utility>

#include "replay/read_ahead.h"

namespace trunkline {

Result<Manifest> ReadManifest(const Store& store, Lsn snapshot) {
  const std::string name = SnapshotManifestName(snapshot);
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store, name));
  if (reader->header().kind != SegmentKind::kManifest) {
    return Fail(ErrorKind::kCorrupt, name + " is no manifest of a base snapshot");
  }
  Manifest manifest{.parts = reader->header().parts, .definition = {}};
  DecodedBlock block;
  for (size_t index = 0; index < reader->blocks().size(); ++index) {
    TRY(reader->ReadBlock(index, &block));
    for (const Change& change : block.changes()) {
      if (change.operation == Operation::kDefinition) manifest.definition = change.content;
    }
  }
  if (manifest.definition.empty()) {
    return Fail(ErrorKind::kCorrupt, name + " holds no definition of the tables");
  }
  return manifest;
}

Result<std::optional<Timestamp>> SnapshotTime(const Store& store, const SnapshotEntry& snapshot) {
  DecodedBlock block;
  for (const ObjectInfo& part : snapshot.parts) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store, part.name));
    if (reader->blocks().empty()) continue;
    TRY(reader->ReadBlock(0, &block));
    if (block.slices().empty()) continue;
    const Timestamp time = block.slices().front().info.commit_time;
    return time == Timestamp{} ? std::nullopt : std::optional(time);
  }
  return std::optional<Timestamp>();
}

}  // namespace trunkline
