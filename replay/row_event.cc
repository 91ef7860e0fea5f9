#include "replay/row_event.h"

#include <algorithm>

#include "replay/text_row.h"

namespace trunkline {
namespace {

std::vector<uint16_t> PrimaryKey(const Relation& relation, const TableDefinition& table) {
  const auto constraint =
      std::find_if(table.constraints.begin(), table.constraints.end(),
                   [](const ConstraintDefinition& candidate) { return candidate.type == 'p'; });
  if (constraint == table.constraints.end()) return {};
  std::vector<uint16_t> key;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    const auto& names = constraint->columns;
    const bool part =
        std::find(names.begin(), names.end(), relation.columns[i].name) != names.end();
    if (part) key.push_back(static_cast<uint16_t>(i));
  }
  return key.size() == constraint->columns.size() ? key : std::vector<uint16_t>();
}

}  // namespace

bool SameColumns(const Relation& a, const Relation& b) {
  return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const RelationColumn& left, const RelationColumn& right) {
                      return left.name == right.name && left.type_oid == right.type_oid;
                    });
}

std::vector<uint16_t> KeyColumnsOf(const Relation& relation, const TableDefinition* table) {
  if (relation.identity == ReplicaIdentity::kNothing) return {};
  if (relation.identity == ReplicaIdentity::kFull) {
    return table == nullptr ? std::vector<uint16_t>() : PrimaryKey(relation, *table);
  }
  std::vector<uint16_t> key;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    if (relation.columns[i].key) key.push_back(static_cast<uint16_t>(i));
  }
  return key;
}

std::string EncodeKey(const TableShape& shape, Tuple row) {
  std::string encoded;
  for (const uint16_t column : shape.key) {
    const Value value[] = {row[column]};
    const size_t before = encoded.size();
    encoded.resize(before + PackedSize(value));
    PackRow(value, encoded.data() + before);
  }
  return encoded;
}

}  // namespace trunkline
