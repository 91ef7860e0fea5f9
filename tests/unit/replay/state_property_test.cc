// Random changes, folded and applied to a plain list of rows; both must agree on the rows and their
// order. The seed stands in the test's name and in each failure.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/replay/random_table.h"

namespace trunkline::test {
namespace {

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
  std::vector<RandomTable> models = RandomTables(&random);
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
    for (const RandomTable& model : models) {
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
