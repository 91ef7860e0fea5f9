// What relation OIDs mean: the versions of relations that the stream described, and which of them
// is in force where.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "decoder/relation.h"

namespace trunkline {

using RelationVersion = std::shared_ptr<const Relation>;

// What is kept of one OID over the whole connection.
struct RelationHistory {
  // The version that the newest change passed to the sink used; null before the first.
  RelationVersion last_used;
  // Versions still in use somewhere, the one described last at the end. Bounded; what falls out is
  // merely not found again.
  std::vector<std::weak_ptr<const Relation>> versions;
};

// A relation as one RELATION message described it. `sequence` is the message's place among all
// RELATION messages of the connection.
struct DescribedRelation {
  RelationVersion version;
  RelationHistory* history = nullptr;
  uint64_t sequence = 0;
};

// Gives equal descriptions of a relation one address, as long as any of them is in use, and adds
// to them the names of the types described before.
class RelationCatalog {
 public:
  void DescribeType(uint32_t oid, std::string_view schema, std::string_view name);
  DescribedRelation Describe(Relation relation, uint64_t sequence);

 private:
  RelationVersion Intern(Relation relation, RelationHistory* history);

  struct TypeName {
    std::string schema;
    std::string name;
  };
  std::unordered_map<uint32_t, TypeName> types_;
  std::unordered_map<uint32_t, RelationHistory> histories_;  // elements never move
};

// The relations in force: on the connection, or within one held transaction.
class RelationScope {
 public:
  RelationScope() = default;
  RelationScope(const RelationScope&) = delete;
  RelationScope& operator=(const RelationScope&) = delete;

  // Null when the scope has no such relation. The result lives until the next Set of its OID.
  const DescribedRelation* Find(uint32_t oid) {
    if (newest_ == nullptr || newest_oid_ != oid) Look(oid);
    return newest_;
  }
  void Set(DescribedRelation relation);

 private:
  void Look(uint32_t oid);

  std::unordered_map<uint32_t, DescribedRelation> relations_;  // elements never move
  uint32_t newest_oid_ = 0;                                    // what Find answered last
  const DescribedRelation* newest_ = nullptr;
};

}  // namespace trunkline
