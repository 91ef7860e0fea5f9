// RowLineage: which row image of a block follows which.
//
// An *image* is one tuple of a change: the new tuple of an insert or update, the old tuple of an
// update or delete. A *row* is what has one key within the block; rows are numbered by their first
// image. An image of a row already seen refers to it by its distance from the newest row, and its
// columns need to be kept only where they differ from the row's last image, its *base*.
// Encoder and decoder build the same lineage, the one by looking keys up, the other from distances.
#pragma once

#include <cstdint>
#include <vector>

#include "decoder/relation.h"

namespace trunkline {

enum class ImageRole : uint8_t {
  kInserted,
  kUpdated,         // no old image was sent: the key is the same
  kUpdatedFromOld,  // follows its old image
  kOldKey,
  kOldFull,
};

// Images of one kind have much in common, so their columns are kept apart.
enum class ImageGroup : uint8_t { kInserted = 0, kUpdated = 1, kOld = 2 };
inline constexpr size_t kImageGroups = 3;

constexpr ImageGroup GroupOf(ImageRole role) {
  if (role == ImageRole::kInserted) return ImageGroup::kInserted;
  return role == ImageRole::kUpdated || role == ImageRole::kUpdatedFromOld ? ImageGroup::kUpdated
                                                                           : ImageGroup::kOld;
}

// The columns that make two images the same row: the replica identity; every column where that is
// FULL.
std::vector<uint32_t> KeyColumns(const Relation& relation);

class RowLineage {
 public:
  static constexpr uint32_t kNoBase = UINT32_MAX;

  // Starts again, in the same memory.
  void Clear();
  // The next image starts a row of its own.
  void AddFirst();
  // The next image is one of row `row`, and has its key.
  void AddNext(ImageRole role, uint32_t row);
  // The next image is kUpdatedFromOld: the old image is the one before. Starts a row of its own.
  void AddFromOld(ImageRole old_role);

  uint32_t images() const { return static_cast<uint32_t>(base_.size()); }
  uint32_t rows() const { return static_cast<uint32_t>(last_image_.size()); }
  uint32_t last_image(uint32_t row) const { return last_image_[row]; }

  // The image that `image` is like; kNoBase when there is none.
  uint32_t base(uint32_t image) const { return base_[image]; }
  // `image` was added by AddNext: the key columns are its base's.
  bool same_key(uint32_t image) const { return same_key_[image] != 0; }

 private:
  void Add(uint32_t base, bool same_key);

  std::vector<uint32_t> base_;
  std::vector<uint8_t> same_key_;
  std::vector<uint32_t> last_image_;  // of each row
};

}  // namespace trunkline
