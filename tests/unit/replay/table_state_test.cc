// Tables whose rows come and go much: room is given back, and nothing is lost on the way.
#include "replay/table_state.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

class ChurnTest : public testing::TestWithParam<ReplicaIdentity> {
 protected:
  ChurnTest() : table_(MakeRelation(1, "queue", {"id*", "note"}, GetParam())) {}

  bool full() const { return GetParam() == ReplicaIdentity::kFull; }

  void Apply(Operation operation, const std::string& id, const std::string& old_note,
             const std::string& note) {
    const Value old_row[] = {{ValueState::kText, id}, {ValueState::kText, old_note}};
    const Value new_row[] = {{ValueState::kText, id}, {ValueState::kText, note}};
    Change change;
    change.operation = operation;
    change.relation = &table_.relation();
    const bool has_old =
        operation == Operation::kDelete || (operation == Operation::kUpdate && full());
    if (has_old) {
      change.old_kind = full() ? OldTupleKind::kFull : OldTupleKind::kKey;
      change.old_tuple = old_row;
    }
    if (operation != Operation::kDelete) change.new_tuple = new_row;
    const auto applied = table_.Apply(change);
    ASSERT_TRUE(applied) << applied.error().ToString();
    if (++applied_ % 4096 == 0) {
      ASSERT_TRUE(table_.MakeRoom());
    }
  }

  std::string Ids() {
    EXPECT_TRUE(table_.Finish());
    std::string ids;
    EXPECT_TRUE(table_.ForEachRow(0, table_.row_count(), [&](Tuple row) -> Result<void> {
      ids += std::string(row[0].bytes) + ":" + std::to_string(row[1].bytes.size()) + " ";
      return {};
    }));
    return ids;
  }

  FoldedTable table_;
  uint64_t applied_ = 0;
};

TEST_P(ChurnTest, ReplacedRowsGiveTheirRoomBack) {
  std::string note(1000, 'a');
  for (int id = 0; id < 5; ++id) Apply(Operation::kInsert, std::to_string(id), "", note);
  for (int i = 0; i < 80'000; ++i) {
    const std::string next(1000, static_cast<char>('a' + i % 26));
    Apply(Operation::kUpdate, std::to_string(i % 4),
          i < 4 ? note : std::string(1000, static_cast<char>('a' + (i - 4) % 26)), next);
  }
  Apply(Operation::kUpdate, "1", std::string(1000, static_cast<char>('a' + 79'997 % 26)), "short");
  Apply(Operation::kDelete, "2", std::string(1000, static_cast<char>('a' + 79'998 % 26)), "");
  EXPECT_EQ(Ids(), "0:1000 1:5 3:1000 4:1000 ");
}

TEST_P(ChurnTest, AQueueThatIsAlmostEmptyStaysSmall) {
  Apply(Operation::kInsert, "first", "", "x");
  constexpr int kRounds = 4'300'000;
  for (int i = 0; i < kRounds; ++i) {
    Apply(Operation::kInsert, std::to_string(i), "", "");
    if (i >= 3) Apply(Operation::kDelete, std::to_string(i - 3), "", "");
  }
  EXPECT_EQ(Ids(), "first:1 4299997:0 4299998:0 4299999:0 ");
}

INSTANTIATE_TEST_SUITE_P(Identities, ChurnTest,
                         testing::Values(ReplicaIdentity::kDefault, ReplicaIdentity::kFull));

}  // namespace
}  // namespace trunkline::test
