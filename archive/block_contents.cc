#include "archive/block_contents.h"

#include <utility>

namespace trunkline {
namespace {

// One huge row must not hold its memory for ever.
constexpr size_t kMaxSpareBytes = 64 << 20;

uint64_t PackKind(const ChangeKind& kind) {
  return static_cast<uint64_t>(static_cast<uint8_t>(kind.operation)) |
         static_cast<uint64_t>(static_cast<uint8_t>(kind.old_kind)) << 8 |
         static_cast<uint64_t>(kind.relation_index) << 16;
}

ImageRole OldRole(OldTupleKind kind) {
  return kind == OldTupleKind::kKey ? ImageRole::kOldKey : ImageRole::kOldFull;
}

ImageRole NewRole(const Change& change) {
  if (change.operation == Operation::kInsert) return ImageRole::kInserted;
  return change.old_kind == OldTupleKind::kNone ? ImageRole::kUpdated : ImageRole::kUpdatedFromOld;
}

}  // namespace

void BlockBuilder::OpenSlice(const TransactionInfo& transaction, bool continues) {
  if (empty()) contents_.first_continues = continues;
  contents_.slices.push_back({transaction, 0});
}

void BlockBuilder::CloseSlice(Lsn end_lsn) { contents_.slices.back().info.end_lsn = end_lsn; }

void BlockBuilder::AddRows(const Change& change, const Relation* relation,
                           uint32_t relation_index) {
  RelationRows& rows = RowsOf(relation, relation_index);
  if (change.old_kind != OldTupleKind::kNone) {
    AddImage(OldRole(change.old_kind), change.old_tuple, &rows);
  }
  if (change.operation != Operation::kDelete) AddImage(NewRole(change), change.new_tuple, &rows);
  AddChange({change.operation, change.old_kind, relation_index});
}

void BlockBuilder::AddTruncate(std::vector<uint32_t> relation_indexes, uint8_t flags) {
  cells_ += relation_indexes.size();
  contents_.truncates.push_back({std::move(relation_indexes), flags});
  AddChange({Operation::kTruncate, OldTupleKind::kNone, 0});
}

void BlockBuilder::AddMessage(const Change& change) {
  contents_.raw_bytes += change.prefix.size() + change.content.size();
  contents_.messages.push_back({std::string(change.prefix), std::string(change.content),
                                change.message_lsn, change.transactional});
  AddChange({change.operation, OldTupleKind::kNone, 0});
}

void BlockBuilder::AddChange(ChangeKind kind) {
  const auto [at, is_new] =
      kind_numbers_.try_emplace(PackKind(kind), static_cast<uint32_t>(contents_.kinds.size()));
  if (is_new) contents_.kinds.push_back(kind);
  contents_.changes.push_back(at->second);
  ++contents_.slices.back().changes;
}

RelationRows& BlockBuilder::RowsOf(const Relation* relation, uint32_t relation_index) {
  const auto [at, is_new] = rows_of_relation_.try_emplace(
      relation_index, static_cast<uint32_t>(contents_.relations.size()));
  if (is_new) {
    contents_.relations.emplace_back();
    contents_.relations.back().relation = relation;
    contents_.relations.back().relation_index = relation_index;
  }
  return contents_.relations[at->second];
}

void BlockBuilder::AddImage(ImageRole role, Tuple tuple, RelationRows* rows) {
  rows->roles.push_back(role);
  rows->slices.push_back(static_cast<uint32_t>(contents_.slices.size() - 1));
  for (const Value& value : tuple) {
    rows->values.push_back(
        {contents_.bytes.size(), static_cast<uint32_t>(value.bytes.size()), value.state});
    contents_.bytes.append(value.bytes);
    contents_.raw_bytes += value.bytes.size();
  }
  cells_ += tuple.size();
}

BlockContents BlockBuilder::Take(BlockContents spare) {
  BlockContents next;
  if (spare.bytes.capacity() <= kMaxSpareBytes) next.bytes = std::move(spare.bytes);
  next.bytes.clear();
  next.changes = std::move(spare.changes);
  next.changes.clear();
  kind_numbers_.clear();
  rows_of_relation_.clear();
  cells_ = 0;
  return std::exchange(contents_, std::move(next));
}

}  // namespace trunkline
