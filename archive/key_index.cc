#include "archive/key_index.h"

#include <xxhash.h>

#include <bit>

namespace trunkline {

KeyIndex::KeyIndex(const BlockContents& contents, const RelationRows& rows)
    : contents_(contents), rows_(rows), key_columns_(KeyColumns(*rows.relation)) {
  if (usable()) slots_.resize(std::bit_ceil(rows.roles.size() * 2 + 1));
}

uint64_t KeyIndex::Hash(uint32_t image) const {
  const StoredValue* values = rows_.values.data() + image * rows_.relation->columns.size();
  uint64_t hash = 0;
  for (const uint32_t column : key_columns_) {
    const std::string_view text = contents_.Text(values[column]);
    const auto state = static_cast<uint64_t>(values[column].state);
    hash = XXH3_64bits_withSeed(text.data(), text.size(), hash + state);
  }
  return hash;
}

bool KeyIndex::SameKey(uint32_t a, uint32_t b) const {
  const size_t columns = rows_.relation->columns.size();
  for (const uint32_t column : key_columns_) {
    const StoredValue& left = rows_.values[a * columns + column];
    const StoredValue& right = rows_.values[b * columns + column];
    if (left.state != right.state || contents_.Text(left) != contents_.Text(right)) return false;
  }
  return true;
}

}  // namespace trunkline
