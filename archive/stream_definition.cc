#include "archive/stream_definition.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

namespace trunkline {
namespace {

constexpr std::string_view kRewritePrefix = "trunkline.rewritten";
// As pg_event_trigger_table_rewrite_reason() has it (event_trigger.h).
constexpr unsigned kColumnTypeReason = 4;

bool Holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const RelationColumn* FindColumn(const Relation& relation, const std::string& name) {
  for (const RelationColumn& column : relation.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
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

std::string NameOf(const Relation& relation) { return relation.schema + "." + relation.name; }

bool IsExactDefinition(const Change& change) {
  return change.operation == Operation::kMessage && change.transactional &&
         change.prefix == kDefinitionPrefix;
}

bool IsDefinition(const Change& change) {
  return change.operation == Operation::kDefinition || IsExactDefinition(change);
}

std::optional<Rewrite> FindRewrite(const Change& change) {
  if (change.operation != Operation::kMessage || !change.transactional ||
      change.prefix != kRewritePrefix) {
    return std::nullopt;
  }
  const std::string_view text = change.content;
  const char* const end = text.data() + text.size();
  Rewrite rewrite;
  unsigned reason = 0;
  const auto oid = std::from_chars(text.data(), end, rewrite.oid);
  if (oid.ec != std::errc() || oid.ptr == end || *oid.ptr != ' ') return std::nullopt;
  const auto rest = std::from_chars(oid.ptr + 1, end, reason);
  if (rest.ec != std::errc() || rest.ptr != end) return std::nullopt;
  rewrite.of_generated_columns = (reason & kColumnTypeReason) == 0;
  return rewrite;
}

Relation RelationOf(const TableDefinition& table, const Relation& before) {
  Relation relation;
  relation.oid = table.oid;
  relation.schema = table.name.first;
  relation.name = table.name.second;
  relation.identity = static_cast<ReplicaIdentity>(table.replica_identity);
  for (const ColumnDefinition& definition : table.columns) {
    if (!table.Sends(definition)) continue;
    RelationColumn column;
    column.name = definition.name;
    column.type_oid = definition.type_oid;
    column.type_modifier = definition.type_modifier;
    column.key = Holds(table.key_columns, definition.name);
    const RelationColumn* known = FindColumn(before, definition.name);
    if (known != nullptr && known->type_oid == column.type_oid) {
      column.type_schema = known->type_schema;
      column.type_name = known->type_name;
    }
    relation.columns.push_back(std::move(column));
  }
  return relation;
}

void AddDefinition(const TableDefinition& table, const Definition& source, Definition* definition) {
  definition->tables.push_back(table);
  AppendMissing(&definition->types, source.types,
                [](const TypeDefinition& type) { return type.oid; });
  AppendMissing(&definition->schemas, source.schemas,
                [](const std::string& schema) { return schema; });
  AppendMissing(&definition->extensions, source.extensions,
                [](const QualifiedName& name) { return name; });
}

Definition KeepMissingTables(Definition newer, const Definition& older) {
  for (const TableDefinition& table : older.tables) {
    if (newer.FindTable(table.oid) == nullptr) AddDefinition(table, older, &newer);
  }
  return newer;
}

}  // namespace trunkline
