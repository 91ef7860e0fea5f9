#include "replay/keyed_relation.h"

#include <algorithm>
#include <string>
#include <vector>

namespace trunkline {

bool HasKey(const Relation& relation) {
  if (relation.identity == ReplicaIdentity::kFull ||
      relation.identity == ReplicaIdentity::kNothing) {
    return false;
  }
  return std::any_of(relation.columns.begin(), relation.columns.end(),
                     [](const RelationColumn& column) { return column.key; });
}

Relation WithPrimaryKey(const Relation& relation, const TableDefinition* definition) {
  if (HasKey(relation) || definition == nullptr) return relation;
  const auto primary =
      std::find_if(definition->constraints.begin(), definition->constraints.end(),
                   [](const ConstraintDefinition& constraint) { return constraint.type == 'p'; });
  if (primary == definition->constraints.end()) return relation;
  const std::vector<std::string>& names = primary->columns;
  Relation keyed = relation;
  size_t found = 0;
  for (RelationColumn& column : keyed.columns) {
    column.key = std::find(names.begin(), names.end(), column.name) != names.end();
    found += column.key ? 1 : 0;
  }
  if (found == 0 || found != names.size()) return relation;  // not all of it is published
  keyed.identity = ReplicaIdentity::kDefault;
  return keyed;
}

}  // namespace trunkline
