#include "archive/row_decoder.h"

namespace trunkline {

Result<void> RowDecoder::Decode(const ImageList& images, TransactionClock* clock,
                                std::span<Cell> cells) {
  for (std::vector<uint32_t>& group : images_of_group_) group.clear();
  for (uint32_t image = 0; image < images.roles.size(); ++image) {
    images_of_group_[static_cast<size_t>(GroupOf(images.roles[image]))].push_back(image);
  }
  TRY(ReadLineage(images));
  std::vector<bool> is_key(images.relation->columns.size());
  for (const uint32_t column : KeyColumns(*images.relation)) is_key[column] = true;
  for (size_t column = 0; column < is_key.size(); ++column) {
    for (const ImageGroup group : {ImageGroup::kInserted, ImageGroup::kUpdated, ImageGroup::kOld}) {
      TRY(ReadPart(images, is_key[column], group, clock));
    }
    const size_t size = images.roles.size();
    FillColumn(images, is_key[column], cells.subspan(column * size, size));
  }
  return {};
}

Result<void> RowDecoder::ReadLineage(const ImageList& images) {
  std::array<size_t, kImageGroups> used{};
  for (size_t group = 0; group < kImageGroups; ++group) {
    size_t count = 0;
    for (const uint32_t image : images_of_group_[group]) {
      count += images.roles[image] != ImageRole::kUpdatedFromOld ? 1 : 0;
    }
    TRY(columns_->DecodeInts(count, &distances_[group]));
  }
  lineage_.Clear();
  for (uint32_t image = 0; image < images.roles.size(); ++image) {
    const ImageRole role = images.roles[image];
    if (role == ImageRole::kUpdatedFromOld) {
      lineage_.AddFromOld(images.roles[image - 1]);
      continue;
    }
    const auto group = static_cast<size_t>(GroupOf(role));
    const auto distance = static_cast<uint64_t>(distances_[group][used[group]++]);
    if (distance > lineage_.rows()) return MalformedBlock("reference to a row");
    if (distance == 0) {
      lineage_.AddFirst();
    } else {
      lineage_.AddNext(role, static_cast<uint32_t>(lineage_.rows() - distance));
    }
  }
  return {};
}

Result<void> RowDecoder::ReadPart(const ImageList& images, bool is_key, ImageGroup group,
                                  TransactionClock* clock) {
  Part& part = parts_[static_cast<size_t>(group)];
  const std::vector<uint32_t>& members = images_of_group_[static_cast<size_t>(group)];
  const auto has_flag = [&](uint32_t image) {
    return lineage_.base(image) != RowLineage::kNoBase && !(is_key && lineage_.same_key(image));
  };
  size_t flags = 0;
  for (const uint32_t image : members) flags += has_flag(image) ? 1 : 0;
  ASSIGN_OR_RETURN(part.same, in_->Symbols(flags, &part.same_buffer));
  part.slices.clear();
  const uint8_t* same = part.same;
  for (const uint32_t image : members) {
    if (lineage_.base(image) != RowLineage::kNoBase && (!has_flag(image) || *same++ != 0)) continue;
    part.slices.push_back(images.slices[image]);
  }
  TRY(columns_->Decode(part.slices.size(), {clock, part.slices}, &part.cells));
  part.next = part.cells.data();
  return {};
}

void RowDecoder::FillColumn(const ImageList& images, bool is_key, std::span<Cell> column) {
  for (uint32_t image = 0; image < column.size(); ++image) {
    Part& part = parts_[static_cast<size_t>(GroupOf(images.roles[image]))];
    const uint32_t base = lineage_.base(image);
    const bool same =
        base != RowLineage::kNoBase && ((is_key && lineage_.same_key(image)) || *part.same++ != 0);
    column[image] = same ? column[base] : *part.next++;
  }
}

}  // namespace trunkline
