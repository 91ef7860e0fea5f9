// Names as Postgres prints them in logs: identifiers quoted only where they must be, types as
// format_type prints them under an empty search_path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "decoder/relation.h"
#include "replay/definition.h"

namespace trunkline {

// As quote_identifier in Postgres.
std::string QuoteWhereNeeded(std::string_view name);
std::string QuoteQualified(std::string_view schema, std::string_view name);

// The built-in type's name; empty for an OID that is no built-in type's.
std::string_view BuiltinTypeName(uint32_t oid);

// Names of types that are not built in, which definitions know better than TYPE messages: those
// give a domain the name of its base type.
class TypeNames {
 public:
  // Later definitions win.
  void Learn(const Definition& definition);
  // Without a modifier.
  std::string NameOf(const RelationColumn& column) const;

 private:
  std::unordered_map<uint32_t, std::string> names_;
};

}  // namespace trunkline
