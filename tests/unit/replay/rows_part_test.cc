#include "replay/rows_part.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "replay/table_state.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

TEST(RowsPartTest, ParsesPartsAndNothingElse) {
  const Result<RowsPart> part = ParseRowsPart("2/8");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->number, 2U);
  EXPECT_EQ(part->count, 8U);
  for (const char* wrong : {"", "1", "/", "0/4", "5/4", "1/0", "-1/4", "1/4x", " 1/4", "1/65537"}) {
    EXPECT_FALSE(ParseRowsPart(wrong)) << wrong;
  }
}

std::vector<std::string> Lines(const DatabaseState& state, const std::string& table) {
  std::vector<std::string> lines;
  std::istringstream rows(Rows(state, table));
  for (std::string line; std::getline(rows, line);) lines.push_back(line);
  return lines;
}

// A table with a key, one without, and one whose rows are equal.
class RowsPartOfArchive : public testing::Test {
 protected:
  RowsPartOfArchive() {
    std::vector<Row> many;
    for (int i = 0; i < 1000; ++i) many.push_back({std::to_string(i), "v" + std::to_string(i % 7)});
    archive_.Snapshot(100, {{keyed_, many}, {loose_, many}, {equal_, {{"a"}, {"a"}, {nullptr}}}});
  }

  DatabaseState Part(const std::string& text) {
    Result<DatabaseState> state = archive_.Rebuild("latest");
    EXPECT_TRUE(state);
    EXPECT_TRUE(KeepRows(*ParseRowsPart(text), &*state));
    return std::move(*state);
  }

  const Relation keyed_ = MakeRelation(1, "keyed", {"id*", "v"});
  const Relation loose_ = MakeRelation(2, "loose", {"id", "v"}, ReplicaIdentity::kNothing);
  const Relation equal_ = MakeRelation(3, "equal", {"v"}, ReplicaIdentity::kFull);
  ArchiveBuilder archive_;
};

TEST_F(RowsPartOfArchive, PartsTogetherAreTheWholeEachRowOnce) {
  for (const char* table : {"keyed", "loose", "equal"}) {
    const DatabaseState whole = Part("1/1");
    std::multiset<std::string> rows;
    for (const char* part : {"1/3", "2/3", "3/3"}) {
      const DatabaseState state = Part(part);
      const std::vector<std::string> lines = Lines(state, table);
      EXPECT_EQ(lines.size(), state.FindTable({"public", table})->row_count());
      rows.insert(lines.begin(), lines.end());
    }
    const std::vector<std::string> all = Lines(whole, table);
    EXPECT_EQ(rows, std::multiset<std::string>(all.begin(), all.end())) << table;
  }
}

TEST_F(RowsPartOfArchive, PartsAreOfLikeSize) {
  for (const char* part : {"1/4", "2/4", "3/4", "4/4"}) {
    const uint64_t rows = Part(part).FindTable({"public", "keyed"})->row_count();
    EXPECT_GT(rows, 180U);
    EXPECT_LT(rows, 320U);
  }
}

TEST_F(RowsPartOfArchive, ARowStaysInItsPartWhenOtherColumnsChange) {
  const std::vector<Value> before = {{ValueState::kText, "17"}, {ValueState::kText, "old"}};
  const std::vector<Value> after = {{ValueState::kText, "17"}, {ValueState::kNull, ""}};
  EXPECT_EQ(PartOf(keyed_, before, 64), PartOf(keyed_, after, 64));
  EXPECT_NE(PartOf(loose_, before, 1 << 16), PartOf(loose_, after, 1 << 16));
}

TEST_F(RowsPartOfArchive, RowsAreVisitedByNumber) {
  const DatabaseState state = Part("1/2");
  const TableState& table = *state.FindTable({"public", "keyed"});
  std::vector<std::string> ids;
  const auto visit = [&](Tuple row) -> Result<void> {
    ids.emplace_back(row[0].bytes);
    return {};
  };
  ASSERT_TRUE(table.ForEachRow(0, 3, visit));
  ASSERT_TRUE(table.ForEachRow(3, 1 << 20, visit));
  EXPECT_EQ(ids.size(), table.row_count());
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
}

// What both of two parts hold of a table, and what the whole does, each sorted.
void ExpectPartsAreTheWhole(const ArchiveBuilder& archive, const std::string& table) {
  std::multiset<std::string> rows;
  for (const uint32_t number : {1U, 2U}) {
    const auto part = archive.Rebuild("latest", {}, {.number = number, .count = 2});
    ASSERT_TRUE(part) << part.error().ToString();
    const std::vector<std::string> lines = Lines(*part, table);
    EXPECT_FALSE(lines.empty());
    rows.insert(lines.begin(), lines.end());
  }
  const auto whole = archive.Rebuild("latest");
  ASSERT_TRUE(whole);
  const std::vector<std::string> all = Lines(*whole, table);
  EXPECT_EQ(rows, std::multiset<std::string>(all.begin(), all.end()));
}

class MovingRowsTest : public testing::Test {
 protected:
  MovingRowsTest() {
    std::vector<Row> rows;
    for (int i = 0; i < 40; ++i) rows.push_back({std::to_string(i), "wide"});
    archive_.Snapshot(100, {{table_, rows}});
  }

  const Relation table_ = MakeRelation(1, "t", {"id*", "v"});
  ArchiveBuilder archive_;
};

TEST_F(MovingRowsTest, KeysThatChange) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = std::to_string(i);
    archive_.Commit(200 + 8 * static_cast<uint64_t>(i),
                    {UpdateKey(table_, {id, nullptr}, {std::to_string(100 + i), "v" + id})});
  }
  archive_.Publish(500);
  ExpectPartsAreTheWhole(archive_, "t");
}

TEST_F(MovingRowsTest, KeysThatChangeWithValuesThatAreNotSent) {
  for (int i = 0; i < 20; ++i) {
    archive_.Commit(
        200 + 8 * static_cast<uint64_t>(i),
        {UpdateKey(table_, {std::to_string(i), nullptr}, {std::to_string(100 + i), kUnchanged})});
  }
  archive_.Publish(500);
  ExpectPartsAreTheWhole(archive_, "t");
}

TEST_F(MovingRowsTest, AnotherKey) {
  const Relation other = MakeRelation(1, "t", {"id*", "v*"});
  archive_.Commit(200, {Delete(table_, {"1", nullptr})});
  archive_.Commit(208, {UpdateKey(other, {"2", "wide"}, {"2", "else"}), Insert(other, {"1", "x"})});
  archive_.Publish(500);
  ExpectPartsAreTheWhole(archive_, "t");
}

TEST(PartOfTableTest, HoldsNoRowsOfOtherParts) {
  const Relation relation = MakeRelation(1, "t", {"id*", "v"});
  FoldedTable table(relation, {.number = 1, .count = 2});
  uint64_t expected = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string id = std::to_string(i);
    const std::vector<Value> row = {{ValueState::kText, id}, {ValueState::kText, "v"}};
    Change insert;
    insert.relation = &relation;
    insert.new_tuple = row;
    ASSERT_TRUE(table.Apply(insert));
    if (PartOf(relation, row, 2) == 1) ++expected;
  }
  EXPECT_EQ(table.row_count(), expected);
  EXPECT_LT(expected, 70U);
}

}  // namespace
}  // namespace trunkline::test
