// The relations that the blocks of block_fuzzer refer to.
#pragma once

#include <vector>

#include "decoder/relation.h"

namespace trunkline {

inline std::vector<Relation> BlockRelations() {
  return {{1,
           "public",
           "keyed",
           ReplicaIdentity::kDefault,
           {{"id", 20, -1, true, "", ""},
            {"at", 1184, -1, false, "", ""},
            {"note", 25, -1, false, "", ""}}},
          {2,
           "public",
           "full",
           ReplicaIdentity::kFull,
           {{"a", 25, -1, true, "", ""}, {"b", 2950, -1, true, "", ""}}},
          {3, "public", "empty", ReplicaIdentity::kNothing, {}}};
}

}  // namespace trunkline
