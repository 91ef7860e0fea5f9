// A diff in little memory, in many passes and with its differences on disk, is the one in much.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "replay/diff.h"
#include "tests/unit/replay/archive_builder.h"
#include "tests/unit/replay/random_table.h"

namespace trunkline::test {
namespace {

namespace fs = std::filesystem;

std::string TextOf(Tuple row) {
  std::string text = "(";
  for (const Value& value : row) {
    text += value.state == ValueState::kNull ? "null," : std::string(value.bytes) + ",";
  }
  return text + ")";
}

// What a comparison says, in its order.
std::vector<std::string> LinesOf(const TableDiff& table) {
  const auto count = [&](RowChange change) { return std::to_string(table.count(change)) + " "; };
  std::vector<std::string> lines = {table.relation().name + " " + count(RowChange::kRemoved) +
                                    count(RowChange::kChanged) + count(RowChange::kAdded) +
                                    table.RenamedFrom()};
  EXPECT_TRUE(table.ForEachRow([&](RowChange change, Tuple before, Tuple after) -> Result<void> {
    lines.push_back("-~+"[static_cast<size_t>(change)] + TextOf(before) + TextOf(after));
    return {};
  }));
  return lines;
}

class DiffMemoryTest : public testing::Test {
 protected:
  struct Outcome {
    std::vector<std::string> lines;  // of all tables
    uint64_t most_passes = 0;
    uint64_t on_disk = 0;  // tables with differences there
  };

  DiffMemoryTest() : folder_(testing::TempDir() + "diff_memory_" + std::to_string(getpid())) {
    fs::create_directory(folder_);
  }
  ~DiffMemoryTest() override {
    EXPECT_TRUE(fs::is_empty(folder_));
    fs::remove_all(folder_);
  }

  static Result<void> Take(const TableDiff& table, Outcome* outcome) {
    for (std::string& line : LinesOf(table)) outcome->lines.push_back(std::move(line));
    outcome->most_passes = std::max(outcome->most_passes, table.passes());
    outcome->on_disk += table.on_disk() ? 1 : 0;
    return {};
  }

  Outcome Diff(const std::string& from, const std::string& to, uint64_t memory_bytes) const {
    Outcome outcome;
    const Result<void> done = [&]() -> Result<void> {
      ASSIGN_OR_RETURN(const ResolvedTarget before, archive_.Resolve(from));
      ASSIGN_OR_RETURN(const ResolvedTarget after, archive_.Resolve(to));
      DiffOptions options;
      options.memory = {.bytes = memory_bytes, .directory = folder_};
      ASSIGN_OR_RETURN(
          const DatabaseDiff diff,
          DatabaseDiff::Make(archive_.store(), archive_.ReadCatalog(), before, after, options));
      return diff.ForEachTable([&](const TableDiff& table) { return Take(table, &outcome); });
    }();
    EXPECT_TRUE(done) << done.error().ToString();
    return outcome;
  }

  // Little memory for all of it, down to none: a pass finds a row then.
  void ExpectSameInLittleMemory(const std::string& from, const std::string& to) const {
    const Outcome much = Diff(from, to, 1 << 30);
    EXPECT_LE(much.most_passes, 1U);
    EXPECT_EQ(much.on_disk, 0U);
    const uint64_t differences =
        static_cast<uint64_t>(std::count_if(much.lines.begin(), much.lines.end(), [](auto& line) {
          return line.find('(') != std::string::npos;
        }));
    for (const uint64_t memory_bytes : {0, 1000, 5000}) {
      const Outcome little = Diff(from, to, memory_bytes);
      EXPECT_EQ(little.lines, much.lines) << from << " to " << to << " in " << memory_bytes;
      EXPECT_TRUE(memory_bytes > 0 || (little.on_disk > 0) == (differences > 0));
    }
  }

  const std::string folder_;
  ArchiveBuilder archive_;
};

TEST_F(DiffMemoryTest, RandomTablesOfEveryIdentity) {
  std::mt19937 random(17);
  std::vector<RandomTable> tables = RandomTables(&random);
  std::vector<ArchiveBuilder::Contents> empty;
  for (const RandomTable& table : tables) empty.push_back({table.relation(), {}});
  archive_.Snapshot(150, empty);
  for (uint64_t lsn = 200; lsn < 200 + 100 * 8; lsn += 8) {
    std::vector<ChangeSpec> changes;
    for (int i = 0; i < 6; ++i) changes.push_back(tables[random() % tables.size()].Step());
    archive_.Commit(lsn, changes);
  }
  archive_.Publish(200 + 100 * 8);
  for (const char* from : {"lsn:0/96", "xid:304", "xid:600", "latest"}) {
    for (const char* to : {"lsn:0/96", "xid:800", "latest"}) ExpectSameInLittleMemory(from, to);
  }
  EXPECT_GT(Diff("xid:600", "latest", 0).most_passes, 5U);
}

TEST_F(DiffMemoryTest, EachCopyOfARowCounts) {
  const Relation loose = MakeRelation(16384, "loose", {"a", "b"}, ReplicaIdentity::kFull);
  std::vector<Row> rows;
  for (int i = 0; i < 200; ++i) rows.push_back({std::to_string(i % 7), nullptr});
  archive_.Snapshot(150, {{loose, rows}});
  std::vector<ChangeSpec> changes;
  for (int i = 0; i < 20; ++i) changes.push_back(DeleteFull(loose, {"3", nullptr}));
  for (int i = 0; i < 5; ++i) changes.push_back(Insert(loose, {"4", nullptr}));
  for (int i = 0; i < 5; ++i) changes.push_back(Insert(loose, {"new", nullptr}));
  archive_.Commit(200, changes);
  archive_.Publish(300);
  ExpectSameInLittleMemory("lsn:0/96", "latest");
  ExpectSameInLittleMemory("latest", "lsn:0/96");
  EXPECT_EQ(Diff("lsn:0/96", "latest", 0).lines.size(), 1U + 20 + 5 + 5);
}

TEST_F(DiffMemoryTest, ColumnsAndTablesThatWereRenamedMadeAndDropped) {
  const Relation things = MakeRelation(16384, "items", {"id*", "note"});
  const Relation renamed = MakeRelation(16384, "goods", {"id*", "remark", "more"});
  const Relation dropped = MakeRelation(16385, "pairs", {"a"}, ReplicaIdentity::kFull);
  const Relation made = MakeRelation(16390, "made", {"line"});
  std::vector<Row> rows;
  for (int i = 0; i < 50; ++i) rows.push_back({std::to_string(i), "note"});
  archive_.Snapshot(150, {{things, rows}, {dropped, {{"x"}, {"x"}, {"y"}}}});
  archive_.Commit(
      200,
      {Define(DefinitionOf({{.relation = renamed, .missing = {{"more", "m"}}}, {.relation = made}},
                           true),
              Lsn{100}),
       Update(renamed, {"1", "b", "m"}), Delete(renamed, {"30", nullptr, nullptr}),
       Insert(renamed, {"300", "c", nullptr}), Insert(made, {"l"}), Insert(made, {"l"})});
  archive_.Publish(300);
  ExpectSameInLittleMemory("lsn:0/96", "latest");
  ExpectSameInLittleMemory("latest", "lsn:0/96");
}

TEST_F(DiffMemoryTest, LongKeysThatAgreeInWhatIsSorted) {
  const Relation things = MakeRelation(16384, "items", {"id*"});
  const std::string prefix(300, 'k');
  std::vector<Row> rows;
  for (int i = 9; i > 0; --i) rows.push_back({prefix + std::to_string(i)});
  archive_.Snapshot(150, {{things, rows}});
  archive_.Commit(200, {Truncate({things}), Insert(things, {prefix})});
  archive_.Publish(300);
  EXPECT_EQ(Diff("lsn:0/96", "latest", 0).lines.size(), 11U);
  ExpectSameInLittleMemory("lsn:0/96", "lsn:0/96");
}

// Rows in memory, so that what is compared is all that --memory bounds.
TEST_F(DiffMemoryTest, TheMemoryTellsTheNumberOfPasses) {
  const Relation things = MakeRelation(16384, "items", {"id*", "note"});
  std::vector<Row> rows;
  for (int i = 0; i < 3000; ++i) rows.push_back({std::to_string(i), "a"});
  archive_.Snapshot(150, {{things, rows}});
  std::vector<ChangeSpec> changes;
  for (int i = 0; i < 1000; ++i) changes.push_back(Update(things, {std::to_string(3 * i), "b"}));
  archive_.Commit(200, changes);
  archive_.Publish(300);
  const auto before = archive_.Rebuild("lsn:0/96");
  const auto after = archive_.Rebuild("latest");
  ASSERT_TRUE(before && after);
  EXPECT_GT(before->memory_bytes, 3000U);
  const auto compare = [&](uint64_t memory_bytes) {
    return TableDiff::Make({before->tables[0].get(), &before->definition},
                           {after->tables[0].get(), &after->definition},
                           {.bytes = memory_bytes, .directory = folder_});
  };
  const auto whole = compare(1 << 20);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->passes(), 1U);
  EXPECT_FALSE(whole->on_disk());
  EXPECT_EQ(whole->count(RowChange::kChanged), 1000U);
  // Two thirds of it, by 40 bytes a row.
  const auto little = compare(30'000);
  ASSERT_TRUE(little);
  EXPECT_EQ(little->passes(), 6U);
  EXPECT_TRUE(little->on_disk());
  EXPECT_EQ(LinesOf(*little), LinesOf(*whole));
}

}  // namespace
}  // namespace trunkline::test
