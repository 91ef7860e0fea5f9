#include "tests/unit/replay/random_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace trunkline::test {
namespace {

Row ToCells(const PlainRow& row) {
  Row cells;
  for (const auto& value : row) cells.push_back(value ? Cell(*value) : Cell(nullptr));
  return cells;
}

}  // namespace

std::optional<std::string> RandomTable::NewValue() {
  const int dice = Below(20);
  if (dice == 0) return std::nullopt;
  if (dice == 1) return std::string(static_cast<size_t>(Below(70'000)), 'x');
  return std::to_string(Below(4));
}

PlainRow RandomTable::Key(const PlainRow& row) const {
  PlainRow key(row.size());
  for (size_t i = 0; i < row.size(); ++i) {
    if (relation_.columns[i].key) key[i] = row[i];
  }
  return key;
}

bool RandomTable::Taken(const PlainRow& key) const {
  return std::any_of(rows_.begin(), rows_.end(),
                     [&](const PlainRow& row) { return Key(row) == key; });
}

PlainRow RandomTable::NewRow() {
  PlainRow row;
  for (const RelationColumn& column : relation_.columns) {
    row.push_back(column.key && keyed() ? std::to_string(Below(100)) : NewValue());
  }
  return row;
}

ChangeSpec RandomTable::AddRow() {
  PlainRow row = NewRow();
  while (keyed() && Taken(Key(row))) row = NewRow();
  rows_.push_back(row);
  return Insert(relation_, ToCells(row));
}

ChangeSpec RandomTable::ChangeRow(size_t at) {
  const PlainRow before = rows_[at];
  PlainRow after = NewRow();
  const bool move = keyed() && Below(4) == 0 && !Taken(Key(after));
  for (size_t i = 0; i < after.size(); ++i) {
    if (keyed() && !move && relation_.columns[i].key) after[i] = before[i];
  }
  Row cells = ToCells(after);
  for (size_t i = 0; i < after.size(); ++i) {
    if (relation_.columns[i].key && keyed()) continue;
    if (Below(4) != 0) continue;
    after[i] = before[i];
    cells[i] = before[i] ? Cell(kUnchanged) : Cell(nullptr);
  }
  rows_[at] = after;
  if (full()) return UpdateFull(relation_, ToCells(before), cells);
  if (move) return UpdateKey(relation_, ToCells(Key(before)), cells);
  return Update(relation_, cells);
}

ChangeSpec RandomTable::RemoveRow(size_t at) {
  const PlainRow row = rows_[at];
  rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(at));
  return full() ? DeleteFull(relation_, ToCells(row)) : Delete(relation_, ToCells(Key(row)));
}

ChangeSpec RandomTable::Step() {
  const int dice = Below(100);
  if (dice == 0) {
    rows_.clear();
    return Truncate({relation_});
  }
  if (rows_.empty() || dice < 40 || relation_.identity == ReplicaIdentity::kNothing) {
    return AddRow();
  }
  const auto at = static_cast<size_t>(Below(static_cast<int>(rows_.size())));
  return dice < 75 ? ChangeRow(at) : RemoveRow(at);
}

std::vector<RandomTable> RandomTables(std::mt19937* random) {
  return {{MakeRelation(1, "keyed", {"id*", "a", "b"}), random},
          {MakeRelation(2, "pair", {"a", "x*", "b", "y*"}, ReplicaIdentity::kIndex), random},
          {MakeRelation(3, "full", {"a", "b"}, ReplicaIdentity::kFull), random},
          {MakeRelation(4, "log", {"a"}, ReplicaIdentity::kNothing), random}};
}

std::vector<PlainRow> RowsOf(const DatabaseState& state, const Relation& relation) {
  std::vector<PlainRow> rows;
  const TableState* table = state.FindTable({relation.schema, relation.name});
  const auto visited = table->ForEachRow(0, table->row_count(), [&](Tuple tuple) -> Result<void> {
    PlainRow& row = rows.emplace_back();
    for (const Value& value : tuple) {
      row.push_back(value.state == ValueState::kNull ? std::nullopt
                                                     : std::optional(std::string(value.bytes)));
    }
    return {};
  });
  EXPECT_TRUE(visited);
  return rows;
}

}  // namespace trunkline::test
