#include "replay/prepared_block.h"

#include <algorithm>
#include <utility>

#include "replay/cell_row.h"

namespace trunkline {
namespace {

bool LacksText(const Cell& cell) {
  return cell.kind == Cell::Kind::kUnchangedToast || cell.kind == Cell::Kind::kBinary;
}

bool IsWhole(const CellRows& rows, size_t row) {
  for (size_t column = 0; column < rows.relation->columns.size(); ++column) {
    if (LacksText(rows.cell(row, column))) return false;
  }
  return true;
}

// Where PackedBound of its cells has room; returns the end.
char* PackRow(const CellRows& rows, size_t row, char* out) {
  for (size_t column = 0; column < rows.relation->columns.size(); ++column) {
    const Cell& cell = rows.cell(row, column);
    // What is text in the block may be a number's.
    out = PackCell(cell.kind == Cell::Kind::kText ? CellOf(cell.text()) : cell, out);
  }
  return out;
}

}  // namespace

void PreparedBlock::Prepare(const SegmentReader& reader, const DecodedBlock& block,
                            const Wanted& wanted, bool keep) {
  Begin(reader, block, wanted, keep);
  const std::span<const Change> changes = block.changes();
  changes_.resize(changes.size());
  for (size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].relation == nullptr) continue;
    RelationRows& relation = relations_[ListOf(changes[i])];
    if (relation.identity) changes_[i] = PrepareChange(changes[i], keep, &relation);
  }
  for (RelationRows& relation : relations_) {
    if (relation.chunk) std::exchange(relation.filling, nullptr)->Shrink(relation.kept);
  }
}

// What takes a look at all values is done column by column, as they lie.
void PreparedBlock::Begin(const SegmentReader& reader, const DecodedBlock& block,
                          const Wanted& wanted, bool keep) {
  first_ = reader.relations().data();
  list_of_relation_.resize(reader.relations().size());
  relations_.resize(std::max(relations_.size(), block.rows().size()));
  passed_ = 0;
  for (RelationRows& relation : relations_) relation = {};
  size_t bound = 0;
  for (size_t i = 0; i < block.rows().size(); ++i) {
    const CellRows& rows = block.rows()[i];
    RelationRows& relation = relations_[i];
    list_of_relation_[static_cast<size_t>(rows.relation - first_)] = static_cast<uint32_t>(i);
    relation.rows = &rows;
    if (!wanted(rows.relation->oid)) continue;
    relation.identity.emplace(*rows.relation);
    for (const Cell& cell : rows.cells) {
      relation.bound += PackedBound(cell);
      relation.whole &= !LacksText(cell);
    }
    bound += relation.bound;
    if (!keep) continue;
    auto chunk = std::make_shared<RowChunk>(relation.bound);
    relation.filling = chunk.get();
    relation.chunk = std::move(chunk);
  }
  if (passing_.size() < bound) passing_.resize(bound);
}

PreparedBlock::Prepared PreparedBlock::PrepareChange(const Change& change, bool keep,
                                                     RelationRows* relation) {
  const CellRows& rows = *relation->rows;
  Prepared prepared;
  const auto pack_passing = [&] {
    char* const first = passing_.data() + passed_;
    passed_ = static_cast<size_t>(PackRow(rows, relation->next++, first) - passing_.data());
    return first;
  };
  const bool has_old = change.old_kind != OldTupleKind::kNone;
  if (has_old) {
    prepared.old_row = static_cast<uint32_t>(passed_);
    prepared.hash = relation->identity->Hash(pack_passing());
  }
  if (change.operation == Operation::kDelete) return prepared;
  prepared.whole = relation->whole || IsWhole(rows, relation->next);
  prepared.kept = keep && prepared.whole;
  const char* packed = nullptr;
  if (prepared.kept) {
    char* const first = relation->filling->bytes() + relation->kept;
    prepared.new_row = static_cast<uint32_t>(relation->kept);
    prepared.new_size = static_cast<uint32_t>(PackRow(rows, relation->next++, first) - first);
    relation->kept += prepared.new_size;
    packed = first;
  } else {
    prepared.new_row = static_cast<uint32_t>(passed_);
    packed = pack_passing();
    prepared.new_size = static_cast<uint32_t>(passed_ - prepared.new_row);
  }
  if (!has_old) prepared.hash = relation->identity->Hash(packed);
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
    const char* const rows = prepared.kept ? relation.chunk->bytes() : passing_.data();
    row.row = {{rows + prepared.new_row, prepared.new_size},
               prepared.kept ? &relation.chunk : nullptr};
  }
  row.identity =
      prepared.old_row == kNone ? row.row.bytes.data() : passing_.data() + prepared.old_row;
  return row;
}

}  // namespace trunkline
