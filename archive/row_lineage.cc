#include "archive/row_lineage.h"

namespace trunkline {

std::vector<uint32_t> KeyColumns(const Relation& relation) {
  std::vector<uint32_t> columns;
  for (uint32_t i = 0; i < relation.columns.size(); ++i) {
    if (relation.identity == ReplicaIdentity::kFull || relation.columns[i].key) {
      columns.push_back(i);
    }
  }
  return columns;
}

void RowLineage::Clear() {
  base_.clear();
  same_key_.clear();
  last_image_.clear();
}

void RowLineage::AddFirst() {
  last_image_.push_back(images());
  Add(kNoBase, false);
}

void RowLineage::AddNext(ImageRole role, uint32_t row) {
  const uint32_t base = last_image_[row];
  // An old key says nothing of the other columns.
  if (role != ImageRole::kOldKey) last_image_[row] = images();
  Add(base, true);
}

void RowLineage::AddFromOld(ImageRole old_role) {
  const uint32_t old_image = images() - 1;
  const bool use_older = old_role == ImageRole::kOldKey && base_[old_image] != kNoBase;
  last_image_.push_back(images());
  Add(use_older ? base_[old_image] : old_image, false);
}

void RowLineage::Add(uint32_t base, bool same_key) {
  base_.push_back(base);
  same_key_.push_back(same_key ? 1 : 0);
}

}  // namespace trunkline
