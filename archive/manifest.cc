#include "archive/manifest.h"

#include <memory>
#include <utility>

#include "archive/listed_segment.h"

namespace trunkline {

namespace {

Result<Manifest> ReadWithDefinition(const Store& store, const std::string& name, SegmentKind kind) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store, name));
  if (reader->header().kind != kind) {
    return Fail(ErrorKind::kCorrupt, name + " is of another kind than its name says");
  }
  Manifest manifest{.parts = reader->header().parts,
                    .definition = {},
                    .publication_state = reader->header().publication_state};
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

Result<SegmentHeader> ReadPartList(const Store& store, const std::string& name, SegmentKind kind) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store, name));
  if (reader->header().kind != kind) {
    return Fail(ErrorKind::kCorrupt, name + " is no manifest of a table");
  }
  const SegmentHeader& header = reader->header();
  for (const SnapshotPart& part : header.parts) {
    if (!(part.relation == header.parts.front().relation)) {
      return Fail(ErrorKind::kCorrupt, name + " lists parts of several tables");
    }
  }
  return header;
}

}  // namespace

Result<Manifest> ReadManifest(const Store& store, Lsn snapshot) {
  return ReadWithDefinition(store, SnapshotManifestName(snapshot), SegmentKind::kManifest);
}

Result<Manifest> ReadSnapshotDefinition(const Store& store, Lsn snapshot) {
  return ReadWithDefinition(store, SnapshotDefinitionName(snapshot), SegmentKind::kDefinition);
}

Result<SegmentHeader> ReadTableManifest(const Store& store, const std::string& name) {
  return ReadPartList(store, name, SegmentKind::kTable);
}

Result<SegmentHeader> ReadPagesManifest(const Store& store, const std::string& name) {
  return ReadPartList(store, name, SegmentKind::kPages);
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
