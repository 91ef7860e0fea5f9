#include "decoder/relation_catalog.h"

#include <algorithm>
#include <utility>

namespace trunkline {
namespace {

// Versions of one relation among which an equal one is looked for: more than are ever in use at
// once, few enough that a hostile stream gains nothing.
constexpr size_t kMaxVersionsCompared = 16;

}  // namespace

void RelationCatalog::DescribeType(uint32_t oid, std::string_view schema, std::string_view name) {
  types_.insert_or_assign(oid, TypeName{std::string(schema), std::string(name)});
}

DescribedRelation RelationCatalog::Describe(Relation relation, uint64_t sequence) {
  for (RelationColumn& column : relation.columns) {
    const auto type = types_.find(column.type_oid);
    if (type == types_.end()) continue;
    column.type_schema = type->second.schema;
    column.type_name = type->second.name;
  }
  RelationHistory* history = &histories_[relation.oid];
  return {Intern(std::move(relation), history), history, sequence};
}

RelationVersion RelationCatalog::Intern(Relation relation, RelationHistory* history) {
  auto& versions = history->versions;
  std::erase_if(versions, [](const auto& version) { return version.expired(); });
  for (auto known = versions.begin(); known != versions.end(); ++known) {
    RelationVersion version = known->lock();
    if (!(*version == relation)) continue;
    std::rotate(known, known + 1, versions.end());
    return version;
  }
  if (versions.size() == kMaxVersionsCompared) versions.erase(versions.begin());
  auto version = std::make_shared<const Relation>(std::move(relation));
  versions.push_back(version);
  return version;
}

void RelationScope::Set(DescribedRelation relation) {
  const uint32_t oid = relation.version->oid;
  relations_.insert_or_assign(oid, std::move(relation));
}

void RelationScope::Look(uint32_t oid) {
  const auto found = relations_.find(oid);
  newest_ = found == relations_.end() ? nullptr : &found->second;
  newest_oid_ = oid;
}

}  // namespace trunkline
