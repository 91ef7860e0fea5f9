#include "replay/log_names.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace trunkline {
namespace {

constexpr std::pair<uint32_t, std::string_view> kBuiltinTypes[] = {
#include "replay/builtin_types.inc"
};

}  // namespace

std::string_view BuiltinTypeName(uint32_t oid) {
  const auto* found =
      std::lower_bound(std::begin(kBuiltinTypes), std::end(kBuiltinTypes), oid,
                       [](const auto& type, uint32_t wanted) { return type.first < wanted; });
  return found != std::end(kBuiltinTypes) && found->first == oid ? found->second
                                                                 : std::string_view();
}

void TypeNames::Learn(const Definition& definition) {
  for (const TableDefinition& table : definition.tables) {
    for (const ColumnDefinition& column : table.columns) {
      if (column.type_modifier == -1) names_[column.type_oid] = column.type;
    }
  }
  for (const TypeDefinition& type : definition.types) {
    names_[type.oid] = QuoteQualified(type.name.first, type.name.second);
  }
}

std::string TypeNames::NameOf(const RelationColumn& column) const {
  if (const std::string_view name = BuiltinTypeName(column.type_oid); !name.empty()) {
    return std::string(name);
  }
  if (const auto found = names_.find(column.type_oid); found != names_.end()) return found->second;
  // The name of an array type is that of its elements behind an underscore, as a rule.
  const std::string& name = column.type_name;
  if (name.size() > 1 && name.front() == '_') {
    return QuoteQualified(column.type_schema, name.substr(1)) + "[]";
  }
  return QuoteQualified(column.type_schema, name);
}

}  // namespace trunkline
