#include "daemon/definition_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace trunkline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Clock = DefinitionTracker::Clock;

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

class DefinitionTrackerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    tracker_.Learn(Tables("old", {Table(1, {"a"})}));
    at_source_ = Tables("old", {Table(1, {"a"})});
    CheckIfDue();  // the first transaction has it looked at
    queries_ = 0;
  }
  void CheckIfDue(Clock::duration later = {}, Lsn commit_lsn = Lsn{100}) {
    TransactionInfo transaction;
    transaction.xid = xid_;
    transaction.commit_lsn = commit_lsn;
    tracker_.NoteTransaction(transaction, Clock::now() + later);
    if (!tracker_.due()) return;
    EXPECT_TRUE(tracker_.Check(&sink_).has_value());
    EXPECT_FALSE(tracker_.due());
  }
  void See(const Relation& relation) {
    tracker_.NoteDescription(Clock::now());
    tracker_.NoteRelation(relation);
    CheckIfDue();
  }

  Xid xid_{7};
  DescribedTables at_source_;
  milliseconds query_time_{0};
  int queries_ = 0;
  DefinitionTracker tracker_{[this]() -> Result<DescribedTables> {
    ++queries_;
    std::this_thread::sleep_for(query_time_);
    return at_source_;
  }};
  DefinitionSink sink_;
};

TEST_F(DefinitionTrackerTest, NothingIsAskedWithoutCause) {
  tracker_.NoteRelation(Table(1, {"a"}));
  CheckIfDue();
  EXPECT_EQ(queries_, 0);
}

TEST_F(DefinitionTrackerTest, ATableDescribedAsBeforeIsLookedAtButOnlyADifferenceIsArchived) {
  See(Table(1, {"a"}));
  EXPECT_EQ(queries_, 1);
  EXPECT_THAT(sink_.definitions, IsEmpty());
  EXPECT_FALSE(tracker_.uncertain());
  at_source_ = Tables("with a default", {Table(1, {"a"})});
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("with a default"));
  EXPECT_TRUE(tracker_.uncertain());
}

TEST_F(DefinitionTrackerTest, ATableThatDiffersIsLookedAtAtOnceAndOnce) {
  at_source_ = Tables("new", {Table(1, {"a", "b"})});
  tracker_.NoteRelation(Table(1, {"a", "b"}));
  EXPECT_TRUE(tracker_.due());
  ASSERT_TRUE(tracker_.Check(&sink_));
  tracker_.NoteRelation(Table(1, {"a", "b"}));
  EXPECT_FALSE(tracker_.due());
  EXPECT_THAT(sink_.definitions, ElementsAre("new"));
}

TEST_F(DefinitionTrackerTest, TransactionsBringALookNowAndThen) {
  at_source_ = Tables("a new label", {Table(1, {"a"})});
  CheckIfDue();
  EXPECT_THAT(sink_.definitions, IsEmpty());
  CheckIfDue(seconds(10));
  EXPECT_THAT(sink_.definitions, ElementsAre("a new label"));
}

TEST_F(DefinitionTrackerTest, SlowQueriesTakeASmallShareOfTheTimeUnlessATableDiffers) {
  query_time_ = milliseconds(350);
  for (int i = 0; i < 10; ++i) See(Table(1, {"a"}));
  EXPECT_GE(queries_, 3);
  EXPECT_LE(queries_, 4);
  const int burst = queries_;
  CheckIfDue(seconds(5));
  EXPECT_EQ(queries_, burst + 1);
  tracker_.NoteRelation(Table(1, {"b"}));
  EXPECT_TRUE(tracker_.due());
}

TEST_F(DefinitionTrackerTest, AnAnswerAheadOfTheStreamWaitsForIt) {
  // Table 1 is dropped at the source, and made again as table 2; the stream is not there yet.
  at_source_ = Tables("made again", {Table(2, {"a"})});
  at_source_.as_of = Lsn{500};
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, IsEmpty());
  CheckIfDue({}, Lsn{499});
  EXPECT_THAT(sink_.definitions, IsEmpty());
  CheckIfDue({}, Lsn{500});
  EXPECT_THAT(sink_.definitions, ElementsAre("made again"));
  // It is settled then, though table 1 was once in the stream.
  at_source_ = Tables("later", {Table(2, {"a"})});
  CheckIfDue(seconds(10), Lsn{600});
  EXPECT_THAT(sink_.definitions, ElementsAre("made again", "later"));
}

TEST_F(DefinitionTrackerTest, WhatANewerTransactionMadeIsAheadToo) {
  // A column was dropped and one of the same name and type added: the stream describes both alike.
  at_source_ = Tables("another column", {Table(1, {"a"})});
  at_source_.as_of = Lsn{500};
  at_source_.newest_xid = Xid{9};
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, IsEmpty());
  xid_ = Xid{9};
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("another column"));
  CheckIfDue({}, Lsn{600});
  EXPECT_THAT(sink_.definitions, ElementsAre("another column"));
}

TEST_F(DefinitionTrackerTest, TransactionIdsAreCircular) {
  at_source_ = Tables("new", {Table(1, {"a"})});
  at_source_.newest_xid = Xid{4'000'000'000};
  xid_ = Xid{10};
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("new"));
}

TEST_F(DefinitionTrackerTest, ATableOtherwiseThanAllArchivedDefinitionsBringsOneThoughAhead) {
  at_source_ = Tables("two columns more", {Table(1, {"a", "b", "c"})});
  at_source_.as_of = Lsn{500};
  See(Table(1, {"a", "b"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("two columns more"));
  See(Table(1, {"a", "b", "c"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("two columns more", "two columns more"));
}

TEST_F(DefinitionTrackerTest, WhatTheArchiveMayNotHaveIsLearntAnew) {
  at_source_ = Tables("new", {Table(1, {"a", "b"})});
  See(Table(1, {"a", "b"}));
  EXPECT_TRUE(tracker_.uncertain());
  tracker_.Learn(Tables("old", {Table(1, {"a"})}));
  EXPECT_FALSE(tracker_.uncertain());
  See(Table(1, {"a", "b"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("new", "new"));
}

}  // namespace
}  // namespace trunkline
