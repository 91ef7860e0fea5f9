// Random changes, folded and applied to a plain list of rows; both must agree on the rows and their
// order. The seed stands in the test's name and in each failure.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using PlainRow = std::vector<std::optional<std::string>>;

Row ToCells(const PlainRow& row) {
  Row cells;
  for (const auto& value : row) cells.push_back(value ? Cell(*value) : Cell(nullptr));
  return cells;
}

// One table and the rows that it must hold: new rows go to the end, changed ones keep their place.
class Model {
 public:
  Model(Relation relation, std::mt19937* random)
      : relation_(std::move(relation)), random_(random) {}

  const Relation& relation() const { return relation_; }
  const std::vector<PlainRow>& rows() const { return rows_; }

  ChangeSpec Step() {
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

 private:
  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(*random_); }

  std::optional<std::string> NewValue() {
    const int dice = Below(20);
    if (dice == 0) return std::nullopt;
    if (dice == 1) return std::string(static_cast<size_t>(Below(70'000)), 'x');
    return std::to_string(Below(4));
  }

  bool full() const { return relation_.identity == ReplicaIdentity::kFull; }
  bool keyed() const { return !full() && relation_.identity != ReplicaIdentity::kNothing; }

  PlainRow Key(const PlainRow& row) const {
    PlainRow key(row.size());
    for (size_t i = 0; i < row.size(); ++i) {
      if (relation_.columns[i].key) key[i] = row[i];
    }
    return key;
  }
  bool Taken(const PlainRow& key) const {
    return std::any_of(rows_.begin(), rows_.end(),
                       [&](const PlainRow& row) { return Key(row) == key; });
  }

  PlainRow NewRow() {
    PlainRow row;
    for (const RelationColumn& column : relation_.columns) {
      row.push_back(column.key && keyed() ? std::to_string(Below(100)) : NewValue());
    }
    return row;
  }

  ChangeSpec AddRow() {
    PlainRow row = NewRow();
    while (keyed() && Taken(Key(row))) row = NewRow();
    rows_.push_back(row);
    return Insert(relation_, ToCells(row));
  }

  ChangeSpec ChangeRow(size_t at) {
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

  ChangeSpec RemoveRow(size_t at) {
    const PlainRow row = rows_[at];
    rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(at));
    return full() ? DeleteFull(relation_, ToCells(row)) : Delete(relation_, ToCells(Key(row)));
  }

  Relation relation_;
  std::mt19937* random_;
  std::vector<PlainRow> rows_;
};

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

// The rows of both of two parts, in any order.
std::vector<PlainRow> RowsOfParts(const ArchiveBuilder& archive, const Relation& relation) {
  std::vector<PlainRow> rows;
  for (const uint32_t number : {1U, 2U}) {
    const auto part = archive.Rebuild("latest", {relation.name}, {.number = number, .count = 2});
    EXPECT_TRUE(part) << part.error().ToString();
    if (!part) return {};
    const std::vector<PlainRow> its = RowsOf(*part, relation);
    rows.insert(rows.end(), its.begin(), its.end());
  }
  return rows;
}

class StatePropertyTest : public testing::TestWithParam<unsigned> {};

TEST_P(StatePropertyTest, FoldingIsApplying) {
  std::mt19937 random(GetParam());
  std::vector<Model> models;
  models.emplace_back(MakeRelation(1, "keyed", {"id*", "a", "b"}), &random);
  models.emplace_back(MakeRelation(2, "pair", {"a", "x*", "b", "y*"}, ReplicaIdentity::kIndex),
                      &random);
  models.emplace_back(MakeRelation(3, "full", {"a", "b"}, ReplicaIdentity::kFull), &random);
  models.emplace_back(MakeRelation(4, "log", {"a"}, ReplicaIdentity::kNothing), &random);
  ArchiveBuilder archive;
  archive.Snapshot(150, {{models[0].relation(), {}},
                         {models[1].relation(), {}},
                         {models[2].relation(), {}},
                         {models[3].relation(), {}}});
  uint64_t lsn = 200;
  for (int segment = 0; segment < 3; ++segment) {
    for (int transaction = 0; transaction < 40; ++transaction, lsn += 8) {
      std::vector<ChangeSpec> changes;
      for (unsigned i = random() % 9; i > 0; --i) {
        changes.push_back(models[random() % models.size()].Step());
      }
      archive.Commit(lsn, changes);
    }
    archive.Publish(lsn);
    const auto state = archive.Rebuild("latest");
    ASSERT_TRUE(state) << "seed " << GetParam() << ": " << state.error().ToString();
    for (const Model& model : models) {
      std::vector<PlainRow> folded = RowsOf(*state, model.relation());
      std::vector<PlainRow> applied = model.rows();
      if (model.relation().identity == ReplicaIdentity::kFull) {
        std::sort(folded.begin(), folded.end());  // which of equal rows changed cannot be told
        std::sort(applied.begin(), applied.end());
      }
      EXPECT_EQ(folded, applied) << "seed " << GetParam() << ", table " << model.relation().name;
      if (segment < 2) continue;
      std::vector<PlainRow> parts = RowsOfParts(archive, model.relation());
      std::sort(parts.begin(), parts.end());
      std::sort(applied.begin(), applied.end());
      EXPECT_EQ(parts, applied) << "seed " << GetParam() << ", parts of " << model.relation().name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, StatePropertyTest, testing::Range(0U, 12U));

}  // namespace
}  // namespace trunkline::test
