#include "archive/relation_registry.h"

namespace trunkline {

uint32_t RelationRegistry::Intern(const Relation& relation) {
  const auto known = by_address_.find(&relation);
  if (known != by_address_.end() && *versions_[known->second] == relation) return known->second;
  std::vector<uint32_t>& candidates = by_oid_[relation.oid];
  for (const uint32_t index : candidates) {
    if (*versions_[index] == relation) return by_address_[&relation] = index;
  }
  const auto index = static_cast<uint32_t>(versions_.size());
  versions_.push_back(std::make_unique<Relation>(relation));
  candidates.push_back(index);
  return by_address_[&relation] = index;
}

std::vector<const Relation*> RelationRegistry::all() const {
  std::vector<const Relation*> relations;
  for (const auto& version : versions_) relations.push_back(version.get());
  return relations;
}

}  // namespace trunkline
