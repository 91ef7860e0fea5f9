#include "replay/rows_part.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

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

}  // namespace
}  // namespace trunkline::test
