// Digests of states; the expected ones are what Postgres says of the same rows (sql/digest.sql).
#include "replay/digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

const Relation kDigested = MakeRelation(1, "t", {"a'b", "c\\d", "t"}, ReplicaIdentity::kNothing);

std::string DigestOf(const std::vector<Row>& rows, const Relation& relation = kDigested) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{relation, rows}});
  const auto state = archive.Rebuild("latest");
  if (!state) return state.error().ToString();
  const auto digests = DigestTables(*state);
  if (!digests) return digests.error().ToString();
  EXPECT_EQ(digests->at(0).rows, rows.size());
  return digests->at(0).ToString();
}

TEST(DigestTest, IsThatOfPostgres) {
  EXPECT_EQ(DigestOf({{"q'x\\y", "1", nullptr}, {nullptr, nullptr, ""}, {"", "2", "\\"}}),
            "81205c0faf44d0f410ca0f26b73c50a0");
  EXPECT_EQ(DigestOf({}), "00000000000000000000000000000000");
  const Relation bare = MakeRelation(2, "bare", {}, ReplicaIdentity::kNothing);
  EXPECT_EQ(DigestOf({{}}, bare), "e3b0c44298fc1c149afbf4c8996fb924");
  EXPECT_EQ(DigestOf({{}, {}}, bare), "c761888531f8382835f7e99132df7248");
}

TEST(DigestTest, DependsOnTheRowsAloneAndHowOftenTheyAreThere) {
  const Row one = {"1", "x", "y"};
  const Row two = {"2", "x", "y"};
  EXPECT_EQ(DigestOf({one, two}), DigestOf({two, one}));
  EXPECT_EQ(DigestOf({one, two}), DigestOf({one, two}, MakeRelation(9, "u", {"p", "q", "r"})));
  EXPECT_NE(DigestOf({one, one}), DigestOf({one}));
  EXPECT_NE(DigestOf({one, one}), DigestOf({two, two}));
  EXPECT_NE(DigestOf({one, one, two}), DigestOf({one, two, two}));
}

TEST(DigestTest, TellsValuesApartThatLookAlike) {
  const std::vector<Row> rows = {{"", nullptr, "x"}, {nullptr, "", "x"}, {"NULL", "", "x"},
                                 {"'", "", "x"},     {"''", "", "x"},    {"','", "", "x"},
                                 {"\\", "", "x"},    {"\\\\", "", "x"},  {"E'\\'", "", "x"},
                                 {"", "x", ""},      {"x", "", ""},      {"a,b", "c", ""},
                                 {"a", "b,c", ""},   {"a','b", "c", ""}, {"a", "b','c", ""}};
  std::vector<std::string> digests;
  for (const Row& row : rows) {
    digests.push_back(DigestOf({row}));
    EXPECT_EQ(std::count(digests.begin(), digests.end(), digests.back()), 1)
        << "row " << digests.size();
  }
}

TEST(DigestTest, TablesInDoubtAreLeftOutAndNamed) {
  const Relation narrow = MakeRelation(1, "t", {"id*"});
  const Relation wide = MakeRelation(1, "t", {"id*", "new"});
  const Relation other = MakeRelation(2, "u", {"id*"});
  ArchiveBuilder archive;
  archive.Snapshot(150, {{narrow, {{"1"}}}, {other, {{"1"}}}});
  archive.Commit(200, {Insert(wide, {"2", "x"})});  // no definition tells what row 1 has there
  archive.Publish(300);
  const auto target = archive.Resolve("latest");
  ASSERT_TRUE(target);
  StateOptions options;
  options.leave_doubtful_out = true;
  const auto state = BuildState(archive.store(), archive.ReadCatalog(), *target, options);
  ASSERT_TRUE(state) << state.error().ToString();
  ASSERT_EQ(state->tables.size(), 1u);
  EXPECT_EQ(state->tables[0]->relation().name, "u");
  ASSERT_EQ(state->doubtful.size(), 1u);
  EXPECT_EQ(state->doubtful[0].relation.name, "t");
  EXPECT_EQ(state->doubtful[0].doubt.kind, ErrorKind::kGap);
  EXPECT_THAT(state->doubtful[0].doubt.message, testing::HasSubstr("in doubt from 0/C8 on"));
}

}  // namespace
}  // namespace trunkline::test
