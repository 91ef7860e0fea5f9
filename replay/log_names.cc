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

constexpr std::string_view kQuotedKeywords[] = {
#include "replay/quoted_keywords.inc"
};

bool IsPlain(std::string_view name) {
  const auto starts = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const auto goes_on = [&](char c) { return starts(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && starts(name.front()) && std::all_of(name.begin(), name.end(), goes_on) &&
         !std::binary_search(std::begin(kQuotedKeywords), std::end(kQuotedKeywords), name);
}

}  // namespace

std::string QuoteWhereNeeded(std::string_view name) {
  if (IsPlain(name)) return std::string(name);
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string QuoteQualified(std::string_view schema, std::string_view name) {
  return QuoteWhereNeeded(schema) + "." + QuoteWhereNeeded(name);
}

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
