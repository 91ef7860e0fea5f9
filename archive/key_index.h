// KeyIndex: finds the row of a block that has the key of an image.
#pragma once

#include <cstdint>
#include <vector>

#include "archive/block_contents.h"

namespace trunkline {

class KeyIndex {
 public:
  static constexpr uint32_t kNoRow = UINT32_MAX;

  // Both must outlive the index.
  KeyIndex(const BlockContents& contents, const RelationRows& rows);

  // The row that has the key of `image`, or kNoRow; `row_image` gives an image of a row.
  // Remembers `if_new` as the row of the key where there was none.
  template <typename RowImage>
  uint32_t FindOrAdd(uint32_t image, uint32_t if_new, const RowImage& row_image);
  // Makes `row` the one that has the key of `image`.
  template <typename RowImage>
  void Assign(uint32_t image, uint32_t row, const RowImage& row_image);

  bool usable() const { return !key_columns_.empty(); }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t row = kNoRow;
  };

  uint64_t Hash(uint32_t image) const;
  bool SameKey(uint32_t a, uint32_t b) const;
  template <typename RowImage>
  Slot& Find(uint32_t image, const RowImage& row_image);

  const BlockContents& contents_;
  const RelationRows& rows_;
  const std::vector<uint32_t> key_columns_;
  std::vector<Slot> slots_;  // a power of two, at most half full
};

template <typename RowImage>
KeyIndex::Slot& KeyIndex::Find(uint32_t image, const RowImage& row_image) {
  const uint64_t hash = Hash(image);
  size_t at = hash & (slots_.size() - 1);
  while (slots_[at].row != kNoRow &&
         (slots_[at].hash != hash || !SameKey(row_image(slots_[at].row), image))) {
    at = (at + 1) & (slots_.size() - 1);
  }
  slots_[at].hash = hash;
  return slots_[at];
}

template <typename RowImage>
uint32_t KeyIndex::FindOrAdd(uint32_t image, uint32_t if_new, const RowImage& row_image) {
  Slot& slot = Find(image, row_image);
  const uint32_t found = slot.row;
  if (found == kNoRow) slot.row = if_new;
  return found;
}

template <typename RowImage>
void KeyIndex::Assign(uint32_t image, uint32_t row, const RowImage& row_image) {
  Find(image, row_image).row = row;
}

}  // namespace trunkline
