#include "daemon/relation_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace trunkline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DefinitionSink : public TransactionSink {
 public:
  Result<void> Begin(const TransactionInfo&) override { return {}; }
  Result<void> OnChange(const Change& change) override {
    EXPECT_EQ(change.operation, Operation::kDefinition);
    definitions.emplace_back(change.content);
    return {};
  }
  Result<void> Commit(const TransactionInfo&) override { return {}; }

  std::vector<std::string> definitions;
};

Relation Table(uint32_t oid, const std::vector<std::string>& columns) {
  Relation relation;
  relation.oid = oid;
  relation.schema = "public";
  relation.name = "t";
  for (const std::string& name : columns) relation.columns.emplace_back().name = name;
  return relation;
}

DescribedTables Tables(std::string document, const std::vector<Relation>& relations) {
  DescribedTables tables;
  tables.document = std::move(document);
  for (const Relation& relation : relations) tables.tables.emplace_back().relation = relation;
  return tables;
}

class RelationTrackerTest : public ::testing::Test {
 protected:
  void See(const Relation& relation) { ASSERT_TRUE(tracker_.OnRelation(relation, &sink_)); }

  DescribedTables at_source_;
  RelationTracker tracker_{[this]() -> Result<DescribedTables> { return at_source_; }};
  DefinitionSink sink_;
};

TEST_F(RelationTrackerTest, WhatTheArchiveKnowsNeedsNoDefinition) {
  tracker_.Learn(Tables("old", {Table(1, {"a"})}));
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, IsEmpty());
  EXPECT_FALSE(tracker_.uncertain());
}

TEST_F(RelationTrackerTest, AChangeOrANewTableBringsOneDefinition) {
  tracker_.Learn(Tables("old", {Table(1, {"a"})}));
  at_source_ = Tables("new", {Table(1, {"a", "b"}), Table(2, {"x"})});
  See(Table(1, {"a", "b"}));
  See(Table(1, {"a", "b"}));
  See(Table(2, {"x"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("new"));
  EXPECT_TRUE(tracker_.uncertain());
}

TEST_F(RelationTrackerTest, ASourceAheadOfTheStreamIsNotAskedOverAndOver) {
  at_source_ = Tables("later", {Table(1, {"a", "b", "c"})});
  See(Table(1, {"a", "b"}));
  See(Table(1, {"a", "b"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("later"));
  See(Table(1, {"a", "b", "c"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("later", "later"));
}

}  // namespace
}  // namespace trunkline
