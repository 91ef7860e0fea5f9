// Names of types as Postgres prints them in logs: as format_type does under an empty search_path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "archive/definition.h"
#include "archive/quoted_names.h"
#include "decoder/relation.h"

namespace trunkline {

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
