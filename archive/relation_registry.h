// RelationRegistry: the versions of relations that a segment's changes refer to, numbered.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "decoder/relation.h"

namespace trunkline {

class RelationRegistry {
 public:
  // The number of the version equal to `relation`, which is copied if it is new. An address may
  // come back with other content.
  uint32_t Intern(const Relation& relation);

  // Stable.
  const Relation& at(uint32_t index) const { return *versions_[index]; }
  std::vector<const Relation*> all() const;

 private:
  std::vector<std::unique_ptr<Relation>> versions_;
  std::unordered_map<const Relation*, uint32_t> by_address_;
  std::unordered_map<uint32_t, std::vector<uint32_t>> by_oid_;
};

}  // namespace trunkline
