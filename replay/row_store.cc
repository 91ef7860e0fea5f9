#include "replay/row_store.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace trunkline {

RowIdentity::RowIdentity(const Relation& relation) : width(relation.columns.size()) {
  const bool full = relation.identity == ReplicaIdentity::kFull;
  const bool nothing = relation.identity == ReplicaIdentity::kNothing;
  for (size_t i = 0; i < width && !nothing; ++i) {
    if (full || relation.columns[i].key) columns.push_back(static_cast<uint16_t>(i));
  }
  kind = full ? Kind::kMultiset : columns.empty() ? Kind::kInsertOnly : Kind::kKeyed;
}

uint64_t RowIdentity::Hash(Tuple row) const {
  uint64_t hash = 0;
  for (const uint16_t column : columns) {
    const Value& value = row[column];
    hash = value.state == ValueState::kNull
               ? hash * 0x9E3779B97F4A7C15ULL + 1
               : XXH3_64bits_withSeed(value.bytes.data(), value.bytes.size(), hash);
  }
  return hash;
}

}  // namespace trunkline
