#include "replay/table_filter.h"

#include <algorithm>
#include <memory>

#include "archive/catalog.h"
#include "archive/listed_segment.h"
#include "archive/stream_definition.h"

namespace trunkline {

bool Names(std::string_view asked, const QualifiedName& table) {
  return asked == table.second || asked == table.first + "." + table.second;
}

bool TableFilter::Wants(uint32_t oid) const {
  if (all()) return true;
  const auto found = verdicts_.find(oid);
  return found != verdicts_.end() && found->second.named && found->second.chosen;
}

void TableFilter::See(uint32_t oid, const QualifiedName& name, const Definition& definition) {
  const auto [entry, first_sight] = verdicts_.try_emplace(oid);
  Verdict& verdict = entry->second;
  if (first_sight) verdict.chosen = !options_.wanted || options_.wanted(name, definition);
  const auto is_name = [&](const std::string& asked) { return Names(asked, name); };
  if (options_.tables.empty() ||
      std::any_of(options_.tables.begin(), options_.tables.end(), is_name)) {
    verdict.named = true;
  }
}

void TableFilter::SeeAll(const Definition& definition) {
  for (const TableDefinition& table : definition.tables) See(table.oid, table.name, definition);
}

Result<void> TableFilter::Learn(std::span<const SnapshotPart> parts, const Definition& definition,
                                const Store& store, std::span<const ObjectInfo> segments) {
  if (all()) return {};
  Definition newest = definition;
  SeeAll(newest);
  for (const SnapshotPart& part : parts) {
    See(part.relation.oid, {part.relation.schema, part.relation.name}, newest);
  }
  DecodedBlock block;
  for (const ObjectInfo& segment : segments) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store, segment.name));
    for (size_t index = 0; index < reader->blocks().size(); ++index) {
      if (!reader->blocks()[index].has_messages) continue;
      TRY(reader->ReadBlock(index, &block));
      for (const Change& change : block.changes()) {
        if (!IsDefinition(change)) continue;
        ASSIGN_OR_RETURN(newest, ParseDefinition(change.content));
        SeeAll(newest);
      }
    }
    for (const Relation& relation : reader->relations()) {
      See(relation.oid, {relation.schema, relation.name}, newest);
    }
  }
  return {};
}

}  // namespace trunkline
