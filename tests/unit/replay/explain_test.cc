// What --dry-run says: from where, how much, and what the rebuild would end with.
#include "replay/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;

class ExplainTest : public testing::Test {
 protected:
  ExplainTest() {
    archive_.Snapshot(150, {{orders_, {{"1", "a"}, {"2", "b"}}}, {other_, {{"1"}}}});
    archive_.Commit(200, {Insert(orders_, {"3", "c"}), Insert(other_, {"2"})});
    archive_.Publish(300);
    for (uint64_t lsn = 304; lsn < 400; lsn += 8) {
      archive_.Commit(lsn, {Insert(other_, {std::to_string(lsn)})});
    }
    archive_.Publish(400);
    archive_.Commit(408, {Update(orders_, {"1", "d"})});
    archive_.Publish(500);
  }

  Result<Explanation> Explain(const std::string& target, std::vector<std::string> tables = {}) {
    ASSIGN_OR_RETURN(const ResolvedTarget resolved, archive_.Resolve(target));
    StateOptions options;
    options.tables = std::move(tables);
    return ExplainRebuild(archive_.store(), archive_.ReadCatalog(), resolved, options);
  }

  ArchiveBuilder archive_;
  const Relation orders_ = MakeRelation(1, "orders", {"id*", "note"});
  const Relation other_ = MakeRelation(2, "other", {"id*"});
};

TEST_F(ExplainTest, SaysWhatIsReadAndThatNothingIsMissing) {
  const auto all = Explain("latest");
  ASSERT_TRUE(all) << all.error().ToString();
  EXPECT_EQ(all->segments.size(), 3U);
  EXPECT_EQ(all->snapshot_rows(), 3U);
  EXPECT_EQ(all->changes(), 15U);
  EXPECT_EQ(all->tables.at(1).changes, 2U);
  EXPECT_EQ(all->from, Lsn{150});
  EXPECT_GT(all->bytes_read(), 0U);
  EXPECT_TRUE(all->doubts.empty());
  const std::string text = ToText(*all, true);
  EXPECT_THAT(text, HasSubstr("unbroken  from LSN 0/96 to LSN 0/1F4"));
  EXPECT_THAT(text, HasSubstr(SegmentObjectName(Lsn{300}, Lsn{400})));
  EXPECT_THAT(text, HasSubstr("0 are skipped"));
}

TEST_F(ExplainTest, CountsTheBlocksThatATableAloneDoesNotNeed) {
  const auto all = Explain("latest");
  const auto one = Explain("latest", {"orders"});
  ASSERT_TRUE(all && one);
  EXPECT_EQ(one->tables.size(), 1U);
  EXPECT_EQ(one->segments[1].blocks_read, 0U);
  EXPECT_GT(one->segments[1].blocks, 3U);
  EXPECT_LT(one->bytes_read(), all->bytes_read());
  EXPECT_EQ(Explain("latest", {"none"}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Explain("lsn:0/96")->segments.size(), 0U);
}

TEST_F(ExplainTest, NamesTheTablesInDoubtAndWhatTheDestinationRefuses) {
  Relation added = other_;
  added.columns.push_back(orders_.columns[1]);
  archive_.Commit(508, {Insert(added, {"9", "x"})});
  archive_.Publish(600);
  const auto rebuilt = archive_.Rebuild("latest");
  const auto doubtful = Explain("latest");
  ASSERT_TRUE(doubtful) << doubtful.error().ToString();
  ASSERT_FALSE(rebuilt);
  EXPECT_EQ(rebuilt.error().kind, ErrorKind::kGap);
  ASSERT_EQ(doubtful->doubts.size(), 1U);
  EXPECT_EQ(doubtful->doubts.front().table.second, "other");
  EXPECT_THAT(rebuilt.error().message, HasSubstr(doubtful->doubts.front().reason));
  EXPECT_THAT(ToText(*doubtful, false), HasSubstr("in doubt  "));
  auto fine = Explain("latest", {"orders"});
  EXPECT_TRUE(fine->doubts.empty());
  EXPECT_TRUE(archive_.Rebuild("latest", {"orders"}));
  EXPECT_TRUE(Explain("lsn:0/1F4")->doubts.empty());

  fine->destination = "csv:/x";
  fine->refused = Error{ErrorKind::kAlreadyExists, "it holds data", "--force"};
  EXPECT_THAT(ToText(*fine, false), HasSubstr("to write  csv:/x, which refuses it: it holds data"));
  const auto json = nlohmann::json::parse(ToJsonText(*fine));
  EXPECT_EQ(json["refused"], "it holds data (--force)");
  EXPECT_EQ(json["tables"][0]["name"], "orders");
  EXPECT_EQ(json["unbroken_from"], "0/96");
}

TEST_F(ExplainTest, AGapEndsItAsItEndsTheRebuild) {
  archive_.Gap(600);
  archive_.Publish(700);
  EXPECT_EQ(Explain("lsn:0/2BC").error().kind, ErrorKind::kGap);
}

}  // namespace
}  // namespace trunkline::test
