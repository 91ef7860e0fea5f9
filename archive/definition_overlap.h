// Overlap: definitions in the stream whose transactions ran side by side.
//
// A definition shows what its transaction saw when it made it. What another one changed and
// committed in between is not in it, though it comes before it in the stream: there the earlier
// change stands.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "archive/definition.h"

namespace trunkline {

class DefinitionOverlap {
 public:
  // What is in force after the transaction `xid` emitted `emitted`, where `before` was. One without
  // a snapshot is taken as it is.
  Definition Merge(const Definition& before, Definition emitted, uint32_t xid);

 private:
  friend class SchemaFold;  // keeps it, and takes it up again

  // By oid: the transaction that changed it last, as far as definitions in the stream tell.
  std::unordered_map<uint32_t, uint32_t> table_changes_;
  std::unordered_map<uint32_t, uint32_t> type_changes_;
};

}  // namespace trunkline
