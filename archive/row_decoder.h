// The rows of one relation in a block, decoded.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "archive/block_stream.h"
#include "archive/cell.h"
#include "archive/column_codec.h"
#include "archive/int_transform.h"
#include "archive/row_lineage.h"
#include "decoder/change.h"

namespace trunkline {

// The images of one relation: what they are is known before their values.
struct ImageList {
  const Relation* relation = nullptr;
  std::vector<ImageRole> roles;
  std::vector<uint32_t> slices;
};

class RowDecoder {
 public:
  RowDecoder(StreamReader* in, ColumnDecoder* columns) : in_(in), columns_(columns) {}

  // Fills `cells`: the first column of each image, the second column of each, and so on.
  Result<void> Decode(const ImageList& images, TransactionClock* clock, std::span<Cell> cells);

 private:
  // One column's values in one group of images, and how far they are used up.
  struct Part {
    std::vector<uint8_t> same_buffer;
    const uint8_t* same = nullptr;
    std::vector<uint32_t> slices;
    std::vector<Cell> cells;
    const Cell* next = nullptr;
  };

  Result<void> ReadLineage(const ImageList& images);
  Result<void> ReadPart(const ImageList& images, bool is_key, ImageGroup group,
                        TransactionClock* clock);
  void FillColumn(const ImageList& images, bool is_key, std::span<Cell> column);

  StreamReader* in_;
  ColumnDecoder* columns_;
  // Of the rows being decoded.
  RowLineage lineage_;
  std::array<std::vector<int64_t>, kImageGroups> distances_;
  std::array<std::vector<uint32_t>, kImageGroups> images_of_group_;
  std::array<Part, kImageGroups> parts_;
};

}  // namespace trunkline
