#include "replay/superseded_rows.h"

#include <algorithm>
#include <span>
#include <unordered_map>

namespace trunkline {
namespace {

bool HasTruncates(const BlockStats& block) {
  return std::any_of(block.relations.begin(), block.relations.end(),
                     [](const BlockRelationStats& stats) { return stats.truncates > 0; });
}

// By index: whether the segment has no other description of the table.
std::vector<bool> DescribedOnce(std::span<const Relation> relations) {
  std::unordered_map<uint32_t, int> descriptions;
  for (const Relation& relation : relations) ++descriptions[relation.oid];
  std::vector<bool> once;
  for (const Relation& relation : relations) once.push_back(descriptions[relation.oid] == 1);
  return once;
}

}  // namespace

SupersededRows::SupersededRows(const SegmentReader& reader, Lsn from, Lsn limit)
    : relations_(reader.relations().size()) {
  const std::span<const BlockStats> blocks = reader.blocks();
  if (std::none_of(blocks.begin(), blocks.end(), HasTruncates)) return;
  const std::vector<bool> once = DescribedOnce(reader.relations());
  extents_.resize(blocks.size() * relations_);
  std::vector<bool> emptied(relations_);  // after the block at hand
  for (size_t i = blocks.size(); i-- > 0;) {
    const BlockStats& block = blocks[i];
    if (block.has_messages) {
      emptied.assign(relations_, false);
      continue;
    }
    const bool is_taken = block.commit_lsn_min >= from && block.commit_lsn_max < limit;
    for (const BlockRelationStats& stats : block.relations) {
      const uint32_t relation = stats.relation_index;
      Extent& extent = extents_[i * relations_ + relation];
      if (emptied[relation]) {
        extent = Extent::kWhole;
      } else if (is_taken && stats.truncates > 0 && once[relation]) {
        extent = Extent::kUpToTruncate;
        emptied[relation] = true;
      }
    }
  }
}

}  // namespace trunkline
