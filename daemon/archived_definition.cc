#include "daemon/archived_definition.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "archive/segment_reader.h"

namespace trunkline {
namespace {

constexpr std::string_view kDefinitionPrefix = "trunkline.definition";

bool IsDefinition(const Change& change) {
  return change.operation == Operation::kDefinition ||
         (change.operation == Operation::kMessage && change.prefix == kDefinitionPrefix);
}

Result<std::optional<std::string>> NewestInSegment(const Store& store, const std::string& name) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenSegment(store, name));
  DecodedBlock block;
  for (size_t i = reader->blocks().size(); i-- > 0;) {
    if (!reader->blocks()[i].has_messages) continue;
    TRY(reader->ReadBlock(i, &block));
    const auto changes = block.changes();
    const auto newest = std::find_if(changes.rbegin(), changes.rend(), IsDefinition);
    if (newest != changes.rend()) return std::optional<std::string>(newest->content);
  }
  return std::optional<std::string>();
}

}  // namespace

Result<std::optional<std::string>> NewestDefinition(const Store& store) {
  Result<Catalog> loaded = LoadCatalog(store);
  if (!loaded && loaded.error().kind == ErrorKind::kNotFound) return std::optional<std::string>();
  ASSIGN_OR_RETURN(const Catalog catalog, std::move(loaded));
  const SnapshotEntry* snapshot = catalog.SnapshotAtOrBefore(Lsn{UINT64_MAX});
  const Lsn snapshot_lsn = snapshot == nullptr ? Lsn{} : snapshot->lsn;
  for (auto segment = catalog.segments.rbegin(); segment != catalog.segments.rend(); ++segment) {
    if (segment->end <= snapshot_lsn) break;
    ASSIGN_OR_RETURN(std::optional<std::string> newest, NewestInSegment(store, segment->name));
    if (newest.has_value()) return newest;
  }
  if (snapshot == nullptr) return std::optional<std::string>();
  return NewestInSegment(store, SnapshotManifestName(snapshot_lsn));
}

}  // namespace trunkline
