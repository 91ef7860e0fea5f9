// Relation: a table as a pgoutput RELATION message describes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trunkline {

// pg_class.relreplident.
enum class ReplicaIdentity : char {
  kDefault = 'd',  // the primary key
  kNothing = 'n',
  kFull = 'f',
  kIndex = 'i',
};

struct RelationColumn {
  std::string name;
  uint32_t type_oid = 0;
  int32_t type_modifier = -1;  // pg_attribute.atttypmod
  bool key = false;            // part of the replica identity
  // From the TYPE message that precedes RELATION for a type that is not built in; else empty.
  std::string type_schema;
  std::string type_name;

  friend bool operator==(const RelationColumn&, const RelationColumn&) = default;
};

// Columns stand in the order of the messages' tuples (attnum order; dropped and, up to Postgres 17,
// generated columns are not sent).
struct Relation {
  uint32_t oid = 0;
  std::string schema;  // pgoutput sends "" for pg_catalog; kept as "pg_catalog"
  std::string name;
  ReplicaIdentity identity = ReplicaIdentity::kDefault;
  std::vector<RelationColumn> columns;

  friend bool operator==(const Relation&, const Relation&) = default;
};

}  // namespace trunkline
