#include "replay/row_store.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "replay/cell_row.h"

namespace trunkline {

RowIdentity::RowIdentity(const Relation& relation) : width(relation.columns.size()) {
  const bool full = relation.identity == ReplicaIdentity::kFull;
  const bool nothing = relation.identity == ReplicaIdentity::kNothing;
  for (size_t i = 0; i < width && !nothing; ++i) {
    if (full || relation.columns[i].key) columns.push_back(static_cast<uint16_t>(i));
  }
  kind = full ? Kind::kMultiset : columns.empty() ? Kind::kInsertOnly : Kind::kKeyed;
}

uint64_t RowIdentity::Hash(const char* row) const {
  uint64_t hash = 0;
  size_t column = 0;
  for (const uint16_t wanted : columns) {
    for (; column < wanted; ++column) row = SkipCell(row);
    const char* const end = SkipCell(row);
    hash = XXH3_64bits_withSeed(row, static_cast<size_t>(end - row), hash);
    row = end;
    ++column;
  }
  return hash;
}

bool RowIdentity::AreAlike(const char* row, const char* other) const {
  size_t column = 0;
  for (const uint16_t wanted : columns) {
    for (; column < wanted; ++column) {
      row = SkipCell(row);
      other = SkipCell(other);
    }
    const char* const end = SkipCell(row);
    const char* const other_end = SkipCell(other);
    if (std::string_view(row, end) != std::string_view(other, other_end)) return false;
    row = end;
    other = other_end;
    ++column;
  }
  return true;
}

}  // namespace trunkline
