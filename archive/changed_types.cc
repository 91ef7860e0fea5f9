#include "archive/changed_types.h"

#include <algorithm>

#include "archive/quoted_names.h"

namespace trunkline {
namespace {

std::string NameOf(const TypeDefinition& type) {
  return QuoteQualified(type.name.first, type.name.second);
}

bool Mentions(const TypeDefinition& type, const std::string& name) {
  return type.base.find(name) != std::string::npos ||
         std::any_of(type.attributes.begin(), type.attributes.end(), [&](const auto& attribute) {
           return attribute.type.find(name) != std::string::npos;
         });
}

// Types that hold values of the type `name`, at any depth.
std::vector<std::string> Holders(const Definition& definition, const std::string& name) {
  std::vector<std::string> holders = {name};
  for (size_t i = 0; i < holders.size(); ++i) {
    for (const TypeDefinition& type : definition.types) {
      const std::string holder = NameOf(type);
      if (std::find(holders.begin(), holders.end(), holder) != holders.end()) continue;
      if (Mentions(type, holders[i])) holders.push_back(holder);
    }
  }
  return holders;
}

bool SameAttributes(const TypeDefinition& before, const TypeDefinition& after) {
  return std::equal(before.attributes.begin(), before.attributes.end(), after.attributes.begin(),
                    after.attributes.end(),
                    [](const auto& a, const auto& b) { return a.type == b.type; });
}

bool Contains(const std::vector<std::string>& labels, const std::string& label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

}  // namespace

std::optional<std::map<std::string, std::string>> RenamedLabels(
    const std::vector<std::string>& before, const std::vector<std::string>& after) {
  std::map<std::string, std::string> renamed;
  if (before.size() == after.size()) {
    for (size_t i = 0; i < before.size(); ++i) {
      if (before[i] != after[i]) renamed[before[i]] = after[i];
    }
    return renamed;
  }
  // Between two labels that stayed, either all the old ones stayed too or as many came in their
  // place.
  auto next = after.begin();
  for (auto old = before.begin(); old != before.end();) {
    auto old_end = std::find_if(old, before.end(),
                                [&](const std::string& label) { return Contains(after, label); });
    const auto next_end =
        old_end == before.end() ? after.end() : std::find(next, after.end(), *old_end);
    if (next_end == after.end() && old_end != before.end()) return std::nullopt;  // out of order
    if (old != old_end && old_end - old != next_end - next) return std::nullopt;
    for (; old != old_end; ++old, ++next) renamed[*old] = *next;
    if (old_end == before.end()) break;
    next = next_end + 1;
    ++old;
  }
  return renamed;
}

std::vector<ChangedType> ChangedTypes(const Definition& before, const Definition& after) {
  std::vector<ChangedType> changed;
  for (const TypeDefinition& type : after.types) {
    const auto old = std::find_if(before.types.begin(), before.types.end(),
                                  [&](const TypeDefinition& item) { return item.oid == type.oid; });
    if (old == before.types.end()) continue;
    ChangedType change{.oid = type.oid,
                       .name = NameOf(type),
                       .renamed = std::nullopt,
                       .holders = Holders(after, NameOf(type))};
    if (type.kind == TypeDefinition::Kind::kEnum) {
      change.renamed = RenamedLabels(old->labels, type.labels);
      if (change.renamed && change.renamed->empty()) continue;
    } else if (SameAttributes(*old, type)) {
      continue;
    }
    changed.push_back(std::move(change));
  }
  return changed;
}

Effect EffectOn(const ChangedType& changed, uint32_t type_oid, const std::string& type_name,
                const Definition& definition) {
  if (type_oid == changed.oid) return Effect::kItself;
  for (const TypeDefinition& type : definition.types) {
    const bool domain = type.oid == type_oid && type.kind == TypeDefinition::Kind::kDomain;
    if (domain && type.base == changed.name) return Effect::kItself;
  }
  const bool contains = std::any_of(
      changed.holders.begin(), changed.holders.end(),
      [&](const std::string& holder) { return type_name.find(holder) != std::string::npos; });
  return contains ? Effect::kContains : Effect::kNone;
}

}  // namespace trunkline
