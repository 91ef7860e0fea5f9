#include "archive/row_encoder.h"

#include <array>

#include "archive/column_codec.h"
#include "archive/key_index.h"

namespace trunkline {
namespace {

using Distances = std::array<std::vector<int64_t>, kImageGroups>;

// Looks every key up. `distances` receives, for each image that may refer to a row, how far that
// row is from the newest, counted from 1; 0 where the image starts a row.
RowLineage TraceRows(const BlockContents& contents, const RelationRows& rows,
                     Distances* distances) {
  RowLineage lineage;
  KeyIndex index(contents, rows);
  const auto row_image = [&](uint32_t row) { return lineage.last_image(row); };
  for (uint32_t image = 0; image < rows.roles.size(); ++image) {
    const ImageRole role = rows.roles[image];
    if (role == ImageRole::kUpdatedFromOld) {
      const uint32_t row = lineage.rows();
      lineage.AddFromOld(rows.roles[image - 1]);
      if (index.usable()) index.Assign(image, row, row_image);
      continue;
    }
    const uint32_t row =
        index.usable() ? index.FindOrAdd(image, lineage.rows(), row_image) : KeyIndex::kNoRow;
    const bool found = row != KeyIndex::kNoRow;
    (*distances)[static_cast<size_t>(GroupOf(role))].push_back(found ? lineage.rows() - row : 0);
    if (found) {
      lineage.AddNext(role, row);
    } else {
      lineage.AddFirst();
    }
  }
  return lineage;
}

// One column's values in one group of images.
struct ColumnPart {
  std::vector<uint8_t> same;  // as its base, for each image that has one
  std::vector<Value> values;  // of the others
  std::vector<uint32_t> slices;
};

class ColumnSplitter {
 public:
  ColumnSplitter(const BlockContents& contents, const RelationRows& rows, const RowLineage& lineage)
      : contents_(contents), rows_(rows), lineage_(lineage) {
    is_key_.resize(rows.relation->columns.size());
    for (const uint32_t column : KeyColumns(*rows.relation)) is_key_[column] = true;
  }

  void Split(size_t column, std::array<ColumnPart, kImageGroups>* parts) const {
    for (ColumnPart& part : *parts) part = {};
    const size_t columns = rows_.relation->columns.size();
    for (uint32_t image = 0; image < rows_.roles.size(); ++image) {
      ColumnPart& part = (*parts)[static_cast<size_t>(GroupOf(rows_.roles[image]))];
      const StoredValue& stored = rows_.values[image * columns + column];
      const Value value{stored.state, contents_.Text(stored)};
      if (const uint32_t base = lineage_.base(image); base != RowLineage::kNoBase) {
        if (is_key_[column] && lineage_.same_key(image)) continue;
        const StoredValue& before = rows_.values[base * columns + column];
        const bool same = value == Value{before.state, contents_.Text(before)};
        part.same.push_back(same ? 1 : 0);
        if (same) continue;
      }
      part.values.push_back(value);
      part.slices.push_back(rows_.slices[image]);
    }
  }

 private:
  const BlockContents& contents_;
  const RelationRows& rows_;
  const RowLineage& lineage_;
  std::vector<bool> is_key_;
};

}  // namespace

void EncodeRows(const BlockContents& contents, const RelationRows& rows, TransactionClock* clock,
                StreamWriter* out) {
  Distances distances;
  const RowLineage lineage = TraceRows(contents, rows, &distances);
  for (const std::vector<int64_t>& group : distances) EncodeInts(group, {}, out);
  const ColumnSplitter splitter(contents, rows, lineage);
  std::array<ColumnPart, kImageGroups> parts;
  for (size_t column = 0; column < rows.relation->columns.size(); ++column) {
    splitter.Split(column, &parts);
    for (const ColumnPart& part : parts) {
      out->PutSymbols(part.same);
      EncodeColumn(part.values, {clock, part.slices}, out);
    }
  }
}

}  // namespace trunkline
