#include "replay/prepared_block.h"

#include "replay/fold_row.h"

namespace trunkline {
namespace {

// Fits a new row that is whole, of text and nulls.
bool IsComplete(Tuple row) {
  for (const Value& value : row) {
    if (value.state != ValueState::kNull && value.state != ValueState::kText) return false;
  }
  return true;
}

}  // namespace

void PreparedBlock::Prepare(const SegmentReader& reader, const DecodedBlock& block,
                            const Wanted& wanted, bool pack) {
  first_ = reader.relations().data();
  relations_.clear();
  relations_.resize(reader.relations().size());
  changes_.clear();
  changes_.resize(block.changes().size());
  Measure(block.changes(), wanted, pack);
  for (RelationRows& rows : relations_) {
    if (rows.packed_bytes == 0) continue;
    auto chunk = std::make_shared<RowChunk>(rows.packed_bytes);
    rows.end = chunk->bytes();
    rows.chunk = std::move(chunk);
  }
  if (pack) Pack(block.changes());
}

PreparedBlock::RelationRows* PreparedBlock::RowsOf(const Relation& relation, const Wanted& wanted) {
  RelationRows& rows = relations_[static_cast<size_t>(&relation - first_)];
  if (rows.unwanted) return nullptr;
  if (rows.identity) return &rows;
  rows.unwanted = !wanted(relation.oid);
  if (rows.unwanted) return nullptr;
  rows.identity.emplace(relation);
  return &rows;
}

void PreparedBlock::Measure(std::span<const Change> changes, const Wanted& wanted, bool pack) {
  for (size_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    RelationRows* rows = change.relation == nullptr ? nullptr : RowsOf(*change.relation, wanted);
    if (rows == nullptr) continue;
    const bool has_old = change.old_kind != OldTupleKind::kNone;
    changes_[i].hash = rows->identity->Hash(has_old ? change.old_tuple : change.new_tuple);
    if (!pack || change.new_tuple.empty() || !IsComplete(change.new_tuple)) continue;
    const size_t size = PackedSize(change.new_tuple);
    changes_[i].packed = {"", size};
    rows->packed_bytes += size;
  }
}

void PreparedBlock::Pack(std::span<const Change> changes) {
  for (size_t i = 0; i < changes.size(); ++i) {
    std::string_view& packed = changes_[i].packed;
    if (packed.data() == nullptr) continue;
    RelationRows& rows = this->rows(changes[i]);
    PackRow(changes[i].new_tuple, rows.end);
    packed = {rows.end, packed.size()};
    rows.end += packed.size();
  }
}

}  // namespace trunkline
