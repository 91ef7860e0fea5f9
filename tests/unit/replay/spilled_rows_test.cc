// Rows on disk: found by their numbers, whatever their identity, and gone with the state.
#include "replay/spilled_rows.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "replay/state_memory.h"
#include "replay/table_state.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

namespace fs = std::filesystem;

Relation TableOf(ReplicaIdentity identity) {
  return MakeRelation(1, "t", {"id*", "note"}, identity);
}

class SpilledTableTest : public testing::TestWithParam<ReplicaIdentity> {
 protected:
  SpilledTableTest()
      : folder_(testing::TempDir() + "spilled_" + std::to_string(getpid())),
        table_(std::make_unique<FoldedTable>(
            TableOf(GetParam()), RowsPart{},
            std::make_shared<StateMemory>(MemoryOptions{.bytes = 0, .directory = Made()}))) {
    EXPECT_TRUE(table_->Spill());
  }
  ~SpilledTableTest() override {
    table_.reset();
    fs::remove_all(folder_);
  }

  const std::string& Made() const {
    fs::create_directory(folder_);
    return folder_;
  }

  void Insert(const std::string& id, const std::string& note) {
    const Value row[] = {{ValueState::kText, id}, {ValueState::kText, note}};
    Change change;
    change.relation = &table_->relation();
    change.new_tuple = row;
    ASSERT_TRUE(table_->Apply(change));
  }

  std::vector<std::string> Rows(uint64_t first, uint64_t count) const {
    std::vector<std::string> rows;
    EXPECT_TRUE(table_->ForEachRow(first, count, [&](Tuple row) -> Result<void> {
      rows.push_back(std::string(row[0].bytes) + ":" + std::string(row[1].bytes));
      return {};
    }));
    return rows;
  }

  const std::string folder_;
  std::unique_ptr<FoldedTable> table_;
};

TEST_P(SpilledTableTest, RowsAreVisitedByNumber) {
  const bool keyed = GetParam() == ReplicaIdentity::kDefault;
  for (int i = 0; i < 1500; ++i) {
    Insert(std::to_string(keyed ? i : i % 400), std::string(static_cast<size_t>(i % 2), 'x'));
  }
  ASSERT_TRUE(table_->Finish());
  EXPECT_EQ(table_->memory_bytes(), 0U);
  const std::vector<std::string> all = Rows(0, UINT64_MAX);
  ASSERT_EQ(all.size(), 1500U);
  for (const uint64_t first : {0U, 1U, 255U, 256U, 257U, 700U, 1499U, 1500U, 4000U}) {
    for (const uint64_t count : {0U, 1U, 3U, 600U}) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(std::min<uint64_t>(first, 1500));
      const auto end =
          begin + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(count), all.end() - begin);
      EXPECT_EQ(Rows(first, count), std::vector<std::string>(begin, end)) << first << " " << count;
    }
  }
}

TEST_P(SpilledTableTest, LongIdentitiesAreToldApart) {
  const std::string prefix(5000, 'k');
  for (const char* last : {"a", "b", "c"}) Insert(prefix + last, "note");
  const std::string id = prefix + "b";
  const Value row[] = {{ValueState::kText, id}, {ValueState::kText, "note"}};
  Change change;
  change.operation = Operation::kDelete;
  change.relation = &table_->relation();
  change.old_kind = OldTupleKind::kFull;
  change.old_tuple = row;
  const bool insert_only = GetParam() == ReplicaIdentity::kNothing;
  EXPECT_EQ(table_->Apply(change).has_value(), !insert_only);
  EXPECT_EQ(table_->row_count(), insert_only ? 3U : 2U);
  EXPECT_EQ(table_->Apply(change).error().kind, ErrorKind::kCorrupt);
}

TEST_P(SpilledTableTest, NothingStaysBehind) {
  Insert("1", "a");
  EXPECT_FALSE(fs::is_empty(folder_));
  table_.reset();
  EXPECT_TRUE(fs::is_empty(folder_));
}

INSTANTIATE_TEST_SUITE_P(Identities, SpilledTableTest,
                         testing::Values(ReplicaIdentity::kDefault, ReplicaIdentity::kFull,
                                         ReplicaIdentity::kNothing));

TEST(StateMemoryTest, WhatAKilledProcessLeftIsRemoved) {
  const std::string folder = testing::TempDir() + "left_" + std::to_string(getpid());
  fs::create_directories(folder + "/trunkline-scratch-abc123/rows");
  fs::create_directories(folder + "/something-else");
  const StateMemory memory({.bytes = 0, .directory = folder});
  EXPECT_FALSE(fs::exists(folder + "/trunkline-scratch-abc123"));
  EXPECT_TRUE(fs::exists(folder + "/something-else"));
  fs::remove_all(folder);
}

TEST(StateMemoryTest, AFolderThatIsNotThereIsNamed) {
  StateMemory memory({.bytes = 0, .directory = "/nowhere/at/all"});
  const auto rows = memory.NewSpilledRows(RowIdentity(TableOf(ReplicaIdentity::kDefault)));
  ASSERT_FALSE(rows);
  EXPECT_NE(rows.error().message.find("/nowhere/at/all"), std::string::npos);
}

}  // namespace
}  // namespace trunkline::test
