// What --dry-run says: from where, how much, and what the rebuild would end with.
#include "replay/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <utility>

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

// Blocks whose tables are emptied later on in their segment.
class SupersededTest : public testing::Test {
 protected:
  SupersededTest() { archive_.Snapshot(150, {{staging_, {{"1", "a"}}}, {other_, {{"1"}}}}); }

  // Many blocks.
  void Fill(const Relation& relation, uint64_t transactions) {
    for (const uint64_t end = lsn_ + transactions * 8; lsn_ < end; lsn_ += 8) {
      Row row{std::to_string(lsn_)};
      row.resize(relation.columns.size(), "x");
      archive_.Commit(lsn_, {Insert(relation, row)});
    }
  }
  void Commit(const ChangeSpec& change) {
    archive_.Commit(std::exchange(lsn_, lsn_ + 8), {change});
  }
  void Publish() { archive_.Publish(lsn_); }

  // Of the last segment.
  uint64_t BlocksPassedOver(StateOptions options = {}, const std::string& target = "latest") {
    const auto resolved = archive_.Resolve(target);
    const auto explained =
        ExplainRebuild(archive_.store(), archive_.ReadCatalog(), *resolved, options);
    EXPECT_TRUE(explained) << explained.error().ToString();
    return explained->segments.back().blocks - explained->segments.back().blocks_read;
  }

  ArchiveBuilder archive_;
  uint64_t lsn_ = 200;
  const Relation staging_ = MakeRelation(1, "staging", {"id*", "note"});
  const Relation other_ = MakeRelation(2, "other", {"id*"});
};

TEST_F(SupersededTest, PassesOverWhatATruncateTakes) {
  Fill(staging_, 20);
  const std::string truncate = "xid:" + std::to_string(lsn_);
  Commit(Truncate({staging_}));
  Fill(staging_, 1);
  const uint64_t kept = lsn_ - 8;
  Publish();
  EXPECT_GT(BlocksPassedOver(), 5U);
  EXPECT_EQ(Rows(archive_.Rebuild("latest"), "staging"), std::to_string(kept) + ",x\n");
  // Before it they count, and so they do where transactions are left out.
  EXPECT_LE(BlocksPassedOver({}, "before:" + truncate), 1U) << "the block after the target";
  StateOptions skipping;
  skipping.skip = {Lsn{lsn_ - 16}};
  EXPECT_EQ(BlocksPassedOver(skipping), 0U);
}

TEST_F(SupersededTest, ReadsWhatHasRowsOfOtherTables) {
  for (int i = 0; i < 20; ++i) {
    archive_.Commit(lsn_, {Insert(staging_, {std::to_string(lsn_), "x"}),
                           Insert(other_, {std::to_string(lsn_)})});
    lsn_ += 8;
  }
  Commit(Truncate({staging_}));
  Publish();
  const uint64_t both = BlocksPassedOver();
  StateOptions one;
  one.tables = {"staging"};
  EXPECT_GT(BlocksPassedOver(one), both);
  const auto state = archive_.Rebuild("latest");
  EXPECT_EQ(Rows(state, "staging"), "");
  EXPECT_EQ(state->FindTable({"public", "other"})->row_count(), 21U);
  EXPECT_EQ(Rows(archive_.Rebuild("latest", {"staging"}), "staging"), "");
}

TEST_F(SupersededTest, ReadsWhatComesBeforeADefinition) {
  Fill(staging_, 20);
  Commit(Define(DefinitionOf({{staging_}, {other_}})));
  const uint64_t before = lsn_;
  Commit(Truncate({staging_}));
  Publish();
  EXPECT_EQ(BlocksPassedOver(), 0U);
  EXPECT_EQ(Rows(archive_.Rebuild("latest"), "staging"), "");
  EXPECT_NE(Rows(archive_.Rebuild("before:xid:" + std::to_string(before)), "staging"), "");
}

TEST_F(SupersededTest, ReadsATableThatIsDescribedTwice) {
  Fill(staging_, 10);
  Relation wider = staging_;
  wider.columns.push_back(wider.columns.back());
  wider.columns.back().name = "more";
  Commit(Define(DefinitionOf({{wider}, {other_}})));
  Fill(wider, 10);
  Commit(Truncate({wider}));
  Fill(wider, 1);
  Publish();
  EXPECT_EQ(BlocksPassedOver(), 0U);
  EXPECT_EQ(Rows(archive_.Rebuild("latest"), "staging"), std::to_string(lsn_ - 8) + ",x,x\n");
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
