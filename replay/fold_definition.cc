#include "replay/fold_definition.h"

#include <algorithm>
#include <string>
#include <utility>

namespace trunkline {
namespace {

constexpr std::string_view kDefinitionPrefix = "trunkline.definition";

bool Holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const RelationColumn* FindColumn(const Relation& relation, const std::string& name) {
  for (const RelationColumn& column : relation.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

std::vector<std::string> KeyColumns(const TableDefinition& table, const Relation& before) {
  std::vector<std::string> names;
  if (table.replica_identity == 'd') {
    for (const ConstraintDefinition& constraint : table.constraints) {
      if (constraint.type == 'p') names = constraint.columns;
    }
  } else if (table.replica_identity == 'i') {
    for (const RelationColumn& column : before.columns) {
      if (column.key) names.push_back(column.name);
    }
  }
  return names;
}

// Appends to `items` what `older` has and it lacks, by `key`.
template <typename Item, typename Key>
void AppendMissing(std::vector<Item>* items, const std::vector<Item>& older, const Key& key) {
  for (const Item& item : older) {
    const bool known = std::any_of(items->begin(), items->end(),
                                   [&](const Item& other) { return key(other) == key(item); });
    if (!known) items->push_back(item);
  }
}

}  // namespace

bool IsExactDefinition(const Change& change) {
  return change.operation == Operation::kMessage && change.transactional &&
         change.prefix == kDefinitionPrefix;
}

bool IsDefinition(const Change& change) {
  return change.operation == Operation::kDefinition || IsExactDefinition(change);
}

std::optional<Relation> RelationOf(const TableDefinition& table, const Relation& before) {
  Relation relation;
  relation.oid = table.oid;
  relation.schema = table.name.first;
  relation.name = table.name.second;
  relation.identity = static_cast<ReplicaIdentity>(table.replica_identity);
  if (relation.identity == ReplicaIdentity::kIndex && before.identity != relation.identity) {
    return std::nullopt;
  }
  const std::vector<std::string> keys = KeyColumns(table, before);
  size_t found_keys = 0;
  for (const ColumnDefinition& definition : table.columns) {
    const bool published =
        definition.generated.empty() &&
        (!table.published_columns || Holds(*table.published_columns, definition.name));
    if (!published) continue;
    RelationColumn column;
    column.name = definition.name;
    column.type_oid = definition.type_oid;
    column.type_modifier = definition.type_modifier;
    column.key = relation.identity == ReplicaIdentity::kFull || Holds(keys, definition.name);
    found_keys += Holds(keys, definition.name) ? 1 : 0;
    const RelationColumn* known = FindColumn(before, definition.name);
    if (known != nullptr && known->type_oid == column.type_oid) {
      column.type_schema = known->type_schema;
      column.type_name = known->type_name;
    }
    relation.columns.push_back(std::move(column));
  }
  if (found_keys != keys.size()) return std::nullopt;
  return relation;
}

Definition KeepMissingTables(Definition newer, const Definition& older) {
  const size_t tables = newer.tables.size();
  AppendMissing(&newer.tables, older.tables,
                [](const TableDefinition& table) { return table.oid; });
  if (newer.tables.size() == tables) return newer;
  AppendMissing(&newer.types, older.types, [](const TypeDefinition& type) { return type.oid; });
  AppendMissing(&newer.schemas, older.schemas, [](const std::string& schema) { return schema; });
  AppendMissing(&newer.extensions, older.extensions,
                [](const QualifiedName& name) { return name; });
  return newer;
}

}  // namespace trunkline
