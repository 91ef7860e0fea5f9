#include "replay/prepared_block.h"

#include <algorithm>

#include "replay/cell_row.h"

namespace trunkline {
namespace {

bool IsWhole(const CellRows& rows, size_t row) {
  for (size_t column = 0; column < rows.relation->columns.size(); ++column) {
    const Cell::Kind kind = rows.cell(row, column).kind;
    if (kind == Cell::Kind::kUnchangedToast || kind == Cell::Kind::kBinary) return false;
  }
  return true;
}

}  // namespace

std::string_view PreparedBlock::Packed::Add(const CellRows& rows, size_t row) {
  const size_t columns = rows.relation->columns.size();
  size_t bound = size;
  for (size_t column = 0; column < columns; ++column) bound += PackedBound(rows.cell(row, column));
  if (bytes.size() < bound) bytes.resize(std::max(bound, 2 * bytes.size()));
  char* const first = bytes.data() + size;
  char* end = first;
  for (size_t column = 0; column < columns; ++column) {
    const Cell& cell = rows.cell(row, column);
    // What is text in the block may be a number's.
    end = PackCell(cell.kind == Cell::Kind::kText ? CellOf(cell.text()) : cell, end);
  }
  size += static_cast<size_t>(end - first);
  return {first, end};
}

void PreparedBlock::Prepare(const SegmentReader& reader, const DecodedBlock& block,
                            const Wanted& wanted, bool keep) {
  Begin(reader, block, wanted);
  const std::span<const Change> changes = block.changes();
  changes_.assign(changes.size(), {});
  for (size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].relation == nullptr) continue;
    RelationRows& relation = relations_[ListOf(changes[i])];
    if (relation.identity) changes_[i] = PrepareChange(changes[i], keep, &relation);
  }
  if (!keep) return;
  for (RelationRows& relation : relations_) {
    if (!relation.identity) continue;
    auto chunk = std::make_shared<RowChunk>(relation.kept.size);
    std::copy_n(relation.kept.bytes.data(), relation.kept.size, chunk->bytes());
    relation.chunk = std::move(chunk);
  }
}

void PreparedBlock::Begin(const SegmentReader& reader, const DecodedBlock& block,
                          const Wanted& wanted) {
  first_ = reader.relations().data();
  list_of_relation_.resize(reader.relations().size());
  relations_.resize(std::max(relations_.size(), block.rows().size()));
  passing_.size = 0;
  for (RelationRows& relation : relations_) {
    relation.identity.reset();
    relation.kept.size = 0;
    relation.chunk.reset();
  }
  for (size_t i = 0; i < block.rows().size(); ++i) {
    const CellRows& rows = block.rows()[i];
    list_of_relation_[static_cast<size_t>(rows.relation - first_)] = static_cast<uint32_t>(i);
    relations_[i].rows = &rows;
    relations_[i].next = 0;
    if (wanted(rows.relation->oid)) relations_[i].identity.emplace(*rows.relation);
  }
}

PreparedBlock::Prepared PreparedBlock::PrepareChange(const Change& change, bool keep,
                                                     RelationRows* relation) {
  const CellRows& rows = *relation->rows;
  Prepared prepared;
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  if (has_old) {
    prepared.old_row = static_cast<uint32_t>(passing_.size);
    prepared.hash = relation->identity->Hash(passing_.Add(rows, relation->next++).data());
  }
  if (change.operation == Operation::kDelete) return prepared;
  const size_t row = relation->next++;
  prepared.whole = IsWhole(rows, row);
  prepared.kept = keep && prepared.whole;
  Packed& packed = prepared.kept ? relation->kept : passing_;
  prepared.new_row = static_cast<uint32_t>(packed.size);
  const std::string_view bytes = packed.Add(rows, row);
  prepared.new_size = static_cast<uint32_t>(bytes.size());
  if (!has_old) prepared.hash = relation->identity->Hash(bytes.data());
  return prepared;
}

PackedChange PreparedBlock::change(size_t index, const Change& change) const {
  const Prepared& prepared = changes_[index];
  const RelationRows& relation = relations_[ListOf(change)];
  PackedChange row{.operation = change.operation,
                   .old_kind = change.old_kind,
                   .whole = prepared.whole,
                   .hash = prepared.hash,
                   .identity = nullptr,
                   .row = {}};
  if (prepared.new_row != kNone) {
    const char* const rows = prepared.kept ? relation.chunk->bytes() : passing_.bytes.data();
    row.row = {{rows + prepared.new_row, prepared.new_size},
               prepared.kept ? &relation.chunk : nullptr};
  }
  row.identity =
      prepared.old_row == kNone ? row.row.bytes.data() : passing_.bytes.data() + prepared.old_row;
  return row;
}

}  // namespace trunkline
