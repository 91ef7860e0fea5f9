// FormatDefinition: the document of docs/definition.md, from what ParseDefinition read.
#include <nlohmann/json.hpp>

#include "archive/definition.h"

namespace trunkline {
namespace {

// Members stay in the order in which they are set, which is that of sql/definition.sql.
using OrderedJson = nlohmann::ordered_json;

template <typename T>
OrderedJson ToJson(const std::optional<T>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

OrderedJson Named(const QualifiedName& name) {
  return {{"schema", name.first}, {"name", name.second}};
}

OrderedJson ToJson(const std::optional<QualifiedName>& name) {
  return name ? Named(*name) : OrderedJson(nullptr);
}

template <typename Item>
OrderedJson List(const std::vector<Item>& items, OrderedJson (*format)(const Item&)) {
  OrderedJson list = OrderedJson::array();
  for (const Item& item : items) list.push_back(format(item));
  return list;
}

OrderedJson ToJson(const NamedDefinition& named) {
  return {{"name", named.name}, {"definition", named.definition}};
}

OrderedJson ToJson(const TypeDefinition::Attribute& attribute) {
  return {{"name", attribute.name},
          {"type", attribute.type},
          {"collation", ToJson(attribute.collation)}};
}

OrderedJson ToJson(const TypeDefinition& type) {
  OrderedJson json = {{"oid", type.oid}, {"schema", type.name.first}, {"name", type.name.second}};
  switch (type.kind) {
    case TypeDefinition::Kind::kEnum:
      json["kind"] = "enum";
      json["labels"] = type.labels;
      break;
    case TypeDefinition::Kind::kDomain:
      json["kind"] = "domain";
      json["base"] = type.base;
      json["collation"] = ToJson(type.collation);
      json["default"] = ToJson(type.default_value);
      json["not_null"] = type.not_null;
      json["constraints"] = List(type.constraints, ToJson);
      break;
    case TypeDefinition::Kind::kComposite:
      json["kind"] = "composite";
      json["attributes"] = List(type.attributes, ToJson);
      break;
    case TypeDefinition::Kind::kRange:
      json["kind"] = "range";
      json["subtype"] = type.base;
      json["multirange"] = ToJson(type.multirange);
      break;
  }
  return json;
}

OrderedJson ToJson(const ColumnDefinition& column) {
  OrderedJson json = {{"attnum", column.attnum}, {"name", column.name}};
  if (column.since != 0) json["since"] = column.since;
  json["type"] = column.type;
  json["type_oid"] = column.type_oid;
  json["type_modifier"] = column.type_modifier;
  json["collation"] = ToJson(column.collation);
  json["not_null"] = column.not_null;
  json["not_null_name"] = ToJson(column.not_null_name);
  json["stream_type"] = ToJson(column.stream_type);
  json["default"] = ToJson(column.default_value);
  json["identity"] = column.identity;
  json["generated"] = column.generated;
  json["missing"] = ToJson(column.missing);
  return json;
}

OrderedJson ToJson(const ConstraintDefinition& constraint) {
  return {{"name", constraint.name},
          {"type", std::string(1, constraint.type)},
          {"definition", constraint.definition},
          {"columns", constraint.columns},
          {"references", ToJson(constraint.references)}};
}

OrderedJson ToJson(const IndexDefinition& index) {
  return {{"name", index.name},
          {"definition", index.definition},
          {"replica_identity", index.replica_identity},
          {"clustered", index.clustered}};
}

OrderedJson ToJson(const SequenceDefinition& sequence) {
  OrderedJson json = Named(sequence.name);
  json["column"] = sequence.column;
  json["type"] = sequence.type;
  json["start"] = sequence.start;
  json["increment"] = sequence.increment;
  json["min"] = sequence.min;
  json["max"] = sequence.max;
  json["cache"] = sequence.cache;
  json["cycle"] = sequence.cycle;
  return json;
}

OrderedJson ToJson(const TableDefinition& table) {
  OrderedJson json = {
      {"oid", table.oid}, {"schema", table.name.first}, {"name", table.name.second}};
  json["kind"] = std::string(1, table.kind);
  json["published"] = table.published;
  json["persistence"] = std::string(1, table.persistence);
  json["replica_identity"] = std::string(1, table.replica_identity);
  json["key_columns"] = table.key_columns;
  json["partition_key"] = ToJson(table.partition_key);
  json["parent"] = nullptr;
  if (table.parent) {
    json["parent"] = Named(table.parent->name);
    json["parent"]["bound"] = table.parent->bound;
  }
  json["columns"] = List(table.columns, ToJson);
  json["row_filter"] = ToJson(table.row_filter);
  json["published_columns"] = ToJson(table.published_columns);
  json["constraints"] = List(table.constraints, ToJson);
  json["indexes"] = List(table.indexes, ToJson);
  json["sequences"] = List(table.sequences, ToJson);
  return json;
}

OrderedJson ToJson(const DatabaseDefinition& database) {
  const bool has_provider = !database.provider.empty();
  return {{"name", database.name},
          {"encoding", database.encoding},
          {"collate", database.collate},
          {"ctype", database.ctype},
          {"provider", has_provider ? OrderedJson(database.provider) : OrderedJson(nullptr)},
          {"locale", ToJson(database.locale)},
          {"icu_rules", ToJson(database.icu_rules)}};
}

}  // namespace

std::string FormatDefinition(const Definition& definition) {
  OrderedJson json;
  if (!definition.snapshot.empty()) json["snapshot"] = definition.snapshot;
  json["format"] = 1;
  if (!definition.publication.empty()) json["publication"] = definition.publication;
  json["server_version"] = definition.server_version;
  json["database"] = ToJson(definition.database);
  json["all_tables"] = definition.all_tables;
  json["schemas"] = definition.schemas;
  json["extensions"] = List(definition.extensions, Named);
  json["types"] = List(definition.types, ToJson);
  json["tables"] = List(definition.tables, ToJson);
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace trunkline
