// What a changed type does to the values that rows hold: an enum's label renamed, a composite type
// with other attributes. No change of a row shows it; two definitions, one after the other, do.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/definition.h"

namespace trunkline {

using RenamedLabelMap = std::map<std::string, std::string>;  // old to new

struct ChangedType {
  uint32_t oid = 0;
  std::string name;  // as format_type prints it under an empty search_path
  // An enum's renamed labels, old to new. Nothing: the new values cannot be told from the old ones.
  std::optional<RenamedLabelMap> renamed;
  // Names of the types that values of this type are part of, arrays left out.
  std::vector<std::string> holders;
};

std::vector<ChangedType> ChangedTypes(const Definition& before, const Definition& after);

// How a column's values are affected.
enum class Effect {
  kNone,
  kItself,   // they are of the type, or of a domain over it
  kContains  // they hold values of the type: an array, a composite, a range
};
Effect EffectOn(const ChangedType& changed, uint32_t type_oid, const std::string& type_name,
                const Definition& definition);

// The labels of `before` that are others in `after`. Labels are never removed, only added and
// renamed in their places; nothing where that can be read in several ways.
std::optional<RenamedLabelMap> RenamedLabels(const std::vector<std::string>& before,
                                             const std::vector<std::string>& after);

}  // namespace trunkline
