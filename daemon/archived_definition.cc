#include "daemon/archived_definition.h"

#include <memory>
#include <utility>

#include "archive/listed_segment.h"
#include "archive/schema_fold.h"
#include "archive/segment_reader.h"

namespace trunkline {
namespace {

// Anyone may emit a logical message: one that is no definition of ours is passed over.
std::optional<DescribedTables> DefinitionOf(const Change& change, const std::string& publication) {
  const bool emitted = change.operation == Operation::kMessage && change.transactional &&
                       change.prefix == kDefinitionPrefix;
  if (!emitted && change.operation != Operation::kDefinition) return std::nullopt;
  Result<DescribedTables> tables = ParseDefinitionTables(std::string(change.content));
  if (!tables) return std::nullopt;
  if (!tables->publication.empty() && tables->publication != publication) return std::nullopt;
  return std::move(*tables);
}

// Of the transactions that commit at `from` or later.
Result<std::optional<DescribedTables>> NewestInSegment(const Store& store, const std::string& name,
                                                       Lsn from, const std::string& publication) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store, name));
  DecodedBlock block;
  for (size_t i = reader->blocks().size(); i-- > 0;) {
    if (!reader->blocks()[i].has_messages || reader->blocks()[i].commit_lsn_max < from) continue;
    TRY(reader->ReadBlock(i, &block));
    const auto changes = ChangesWithin(block, from, Lsn{UINT64_MAX});
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
      std::optional<DescribedTables> tables = DefinitionOf(*change, publication);
      if (tables.has_value()) return tables;
    }
  }
  return std::optional<DescribedTables>();
}

}  // namespace

Result<std::optional<DescribedTables>> NewestDefinition(const Store& store,
                                                        const std::string& publication) {
  Result<Catalog> loaded = LoadCatalog(store);
  if (!loaded && loaded.error().kind == ErrorKind::kNotFound)
    return std::optional<DescribedTables>();
  ASSIGN_OR_RETURN(const Catalog catalog, std::move(loaded));
  const SnapshotEntry* snapshot = catalog.SnapshotAtOrBefore(Lsn{UINT64_MAX});
  const Lsn snapshot_lsn = snapshot == nullptr ? Lsn{} : snapshot->lsn;
  for (auto segment = catalog.segments.rbegin(); segment != catalog.segments.rend(); ++segment) {
    if (segment->end <= snapshot_lsn) break;
    ASSIGN_OR_RETURN(std::optional<DescribedTables> newest,
                     NewestInSegment(store, segment->name, snapshot_lsn, publication));
    if (newest.has_value()) return newest;
  }
  if (snapshot == nullptr) return std::optional<DescribedTables>();
  return NewestInSegment(store, SnapshotManifestName(snapshot_lsn), Lsn{}, publication);
}

}  // namespace trunkline
