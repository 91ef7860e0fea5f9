#include "daemon/definition_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
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
    lsns.push_back(change.message_lsn);
    return {};
  }
  Result<void> Commit(const TransactionInfo&) override { return {}; }

  std::vector<std::string> definitions;
  std::vector<Lsn> lsns;  // from which on they hold
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
    SetSource(Tables("old", {Table(1, {"a"})}));
    Transact();  // the first transaction has it looked at
    queries_ = 0;
    tracker_.set_listener([this](const DescribedTables& before, const DescribedTables& after,
                                 Lsn commit_lsn) {
      told_.push_back(before.document + " -> " + after.document + " at " + commit_lsn.ToString());
    });
  }
  void SetSource(DescribedTables tables) {
    const std::lock_guard lock(mutex_);
    at_source_ = std::move(tables);
  }
  // A change of a transaction, and one more once the source has answered.
  void Transact(Clock::duration later = {}, Lsn commit_lsn = Lsn{100}) {
    TransactionInfo transaction;
    transaction.xid = xid_;
    transaction.commit_lsn = commit_lsn;
    tracker_.NoteTransaction(transaction, Clock::now() + later);
    CheckIfDue();
    while (!asker_.idle()) std::this_thread::sleep_for(milliseconds(1));
    CheckIfDue();
    EXPECT_FALSE(tracker_.due());
  }
  void CheckIfDue() {
    if (!tracker_.due()) return;
    EXPECT_TRUE(tracker_.Check(&sink_).has_value());
  }
  void See(const Relation& relation) {
    tracker_.NoteDescription(Clock::now() + kLong);
    tracker_.NoteRelation(relation);
    Transact(kLong);
  }
  void Emit(const std::string& prefix, const std::string& content) {
    Change message;
    message.operation = Operation::kMessage;
    message.prefix = prefix;
    message.content = content;
    tracker_.NoteMessage(message);
  }

  static constexpr seconds kLong{100};  // enough that a look is not put off
  Xid xid_{7};
  std::mutex mutex_;
  DescribedTables at_source_;
  std::atomic<bool> held_ = false;
  std::atomic<int> queries_ = 0;
  DefinitionAsker asker_{[this](const std::stop_token& stop) -> Result<DescribedTables> {
    while (held_ && !stop.stop_requested()) std::this_thread::sleep_for(milliseconds(1));
    ++queries_;
    const std::lock_guard lock(mutex_);
    return at_source_;
  }};
  DefinitionTracker tracker_{"trunkline", &asker_};
  DefinitionSink sink_;
  std::vector<std::string> told_;
};

constexpr char kEmitted[] = R"json({"snapshot" : "7:7:", "publication": "trunkline", "tables": [
  {"oid": 1, "schema": "public", "name": "t", "kind": "r", "published": true,
   "replica_identity": "d", "key_columns": [], "row_filter": null, "published_columns": null,
   "columns": [
     {"name": "a", "type_oid": 0, "type_modifier": -1, "stream_type": null, "generated": ""},
     {"name": "b", "type_oid": 0, "type_modifier": -1, "stream_type": null, "generated": ""}]}]})json";

TEST_F(DefinitionTrackerTest, NothingIsAskedWithoutCause) {
  tracker_.NoteRelation(Table(1, {"a"}));
  Transact();
  EXPECT_EQ(queries_, 0);
}

TEST_F(DefinitionTrackerTest, ATableDescribedAsBeforeIsLookedAtButOnlyADifferenceIsArchived) {
  See(Table(1, {"a"}));
  EXPECT_EQ(queries_, 1);
  EXPECT_THAT(sink_.definitions, IsEmpty());
  EXPECT_FALSE(tracker_.uncertain());
  SetSource(Tables("with a default", {Table(1, {"a"})}));
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("with a default"));
  EXPECT_THAT(told_, ElementsAre("old -> with a default at 0/64"));
  EXPECT_TRUE(tracker_.uncertain());
}

TEST_F(DefinitionTrackerTest, ATableThatDiffersIsArchivedAheadOfItsFirstChange) {
  SetSource(Tables("new", {Table(1, {"a", "b"})}));
  tracker_.NoteRelation(Table(1, {"a", "b"}));
  EXPECT_TRUE(tracker_.due());
  ASSERT_TRUE(tracker_.Check(&sink_));
  EXPECT_THAT(sink_.definitions, ElementsAre("new"));
  tracker_.NoteRelation(Table(1, {"a", "b"}));
  EXPECT_FALSE(tracker_.due());
}

TEST_F(DefinitionTrackerTest, ASlowAnswerHoldsTheStreamUpOnceAndIsArchivedWhenItComes) {
  SetSource(Tables("new", {Table(1, {"a", "b"}), Table(2, {"a"})}));
  held_ = true;
  const Clock::time_point begun = Clock::now();
  tracker_.NoteRelation(Table(1, {"a", "b"}));
  ASSERT_TRUE(tracker_.Check(&sink_));
  EXPECT_GE(Clock::now() - begun, DefinitionTracker::kPatience);
  tracker_.NoteRelation(Table(2, {"a"}));
  ASSERT_TRUE(tracker_.Check(&sink_));
  EXPECT_LT(Clock::now() - begun, DefinitionTracker::kPatience + seconds(1));
  EXPECT_THAT(sink_.definitions, IsEmpty());
  held_ = false;
  Transact();
  EXPECT_THAT(sink_.definitions, ElementsAre("new"));
}

TEST_F(DefinitionTrackerTest, ATableDescribedAsBeforeWaitsForTheAnswerToo) {
  // A column was dropped and one of the same name and type added: both are described alike.
  SetSource(Tables("another column", {Table(1, {"a"})}));
  tracker_.NoteDescription(Clock::now() + kLong);
  ASSERT_TRUE(tracker_.due());
  ASSERT_TRUE(tracker_.Check(&sink_));
  EXPECT_THAT(sink_.definitions, ElementsAre("another column"));
}

TEST_F(DefinitionTrackerTest, AnAnswerAheadIsArchivedAtTheTransactionThatMadeIt) {
  DescribedTables another = Tables("another column", {Table(1, {"a"})});
  another.as_of = Lsn{500};
  another.newest_xid = Xid{9};
  SetSource(another);
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, IsEmpty());
  // Though the source is not asked again that soon.
  queries_ = 0;
  xid_ = Xid{9};
  tracker_.NoteDescription(Clock::now());
  Transact({}, Lsn{200});
  EXPECT_THAT(sink_.definitions, ElementsAre("another column"));
  EXPECT_EQ(queries_, 0);
}

// The connection broke while the answer was awaited, for longer than the patience. What the new
// stream brings again must not go ahead of the answer all the same.
TEST_F(DefinitionTrackerTest, AnOutageDoesNotUseThePatienceUp) {
  SetSource(Tables("new", {Table(1, {"a", "b"})}));
  held_ = true;
  tracker_.NoteRelation(Table(1, {"a", "b"}));
  ASSERT_TRUE(tracker_.Check(&sink_));
  EXPECT_THAT(sink_.definitions, IsEmpty());
  tracker_.NoteStream(/*ddl_captured=*/false);
  tracker_.NoteRelation(Table(1, {"a", "b"}));  // as it is known by now
  const std::jthread answers([this] {
    std::this_thread::sleep_for(milliseconds(200));
    held_ = false;
  });
  TransactionInfo transaction;
  transaction.xid = xid_;
  transaction.commit_lsn = Lsn{100};
  tracker_.NoteTransaction(transaction, Clock::now());
  ASSERT_TRUE(tracker_.due());
  ASSERT_TRUE(tracker_.Check(&sink_));
  EXPECT_THAT(sink_.definitions, ElementsAre("new"));
}

TEST_F(DefinitionTrackerTest, SaysFromWhereOnADefinitionHolds) {
  DescribedTables tables = Tables("new", {Table(1, {"a", "b"})});
  tables.settled = Lsn{500};
  SetSource(tables);
  See(Table(1, {"a", "b"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("new"));
  EXPECT_THAT(sink_.lsns, ElementsAre(Lsn{500}));
}

TEST_F(DefinitionTrackerTest, TransactionsBringALookNowAndThen) {
  SetSource(Tables("a new label", {Table(1, {"a"})}));
  Transact();
  EXPECT_THAT(sink_.definitions, IsEmpty());
  Transact(seconds(10));
  EXPECT_THAT(sink_.definitions, ElementsAre("a new label"));
}

TEST_F(DefinitionTrackerTest, AnAnswerAheadOfTheStreamWaitsForIt) {
  // Table 1 is dropped at the source, and made again as table 2; the stream is not there yet.
  DescribedTables again = Tables("made again", {Table(2, {"a"})});
  again.as_of = Lsn{500};
  SetSource(again);
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, IsEmpty());
  Transact({}, Lsn{499});
  EXPECT_THAT(sink_.definitions, IsEmpty());
  Transact({}, Lsn{500});
  EXPECT_THAT(sink_.definitions, ElementsAre("made again"));
  // It is settled then, though table 1 was once in the stream.
  SetSource(Tables("later", {Table(2, {"a"})}));
  Transact(seconds(10), Lsn{600});
  EXPECT_THAT(sink_.definitions, ElementsAre("made again", "later"));
}

TEST_F(DefinitionTrackerTest, WhatANewerTransactionMadeIsAheadToo) {
  // A column was dropped and one of the same name and type added: the stream describes both alike.
  DescribedTables another = Tables("another column", {Table(1, {"a"})});
  another.as_of = Lsn{500};
  another.newest_xid = Xid{9};
  SetSource(another);
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, IsEmpty());
  xid_ = Xid{9};
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("another column"));
  Transact({}, Lsn{600});
  EXPECT_THAT(sink_.definitions, ElementsAre("another column"));
}

TEST_F(DefinitionTrackerTest, TransactionIdsAreCircular) {
  DescribedTables tables = Tables("new", {Table(1, {"a"})});
  tables.newest_xid = Xid{4'000'000'000};
  SetSource(tables);
  xid_ = Xid{10};
  See(Table(1, {"a"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("new"));
}

TEST_F(DefinitionTrackerTest, ATableOtherwiseThanAllArchivedDefinitionsBringsOneThoughAhead) {
  DescribedTables tables = Tables("two columns more", {Table(1, {"a", "b", "c"})});
  tables.as_of = Lsn{500};
  SetSource(tables);
  See(Table(1, {"a", "b"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("two columns more"));
  See(Table(1, {"a", "b", "c"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("two columns more", "two columns more"));
}

TEST_F(DefinitionTrackerTest, WhatTheArchiveMayNotHaveIsLearntAnew) {
  SetSource(Tables("new", {Table(1, {"a", "b"})}));
  See(Table(1, {"a", "b"}));
  EXPECT_TRUE(tracker_.uncertain());
  tracker_.Learn(Tables("old", {Table(1, {"a"})}));
  EXPECT_FALSE(tracker_.uncertain());
  See(Table(1, {"a", "b"}));
  EXPECT_THAT(sink_.definitions, ElementsAre("new", "new"));
}

TEST_F(DefinitionTrackerTest, ADefinitionInTheStreamIsTheTruthAndNothingIsAsked) {
  tracker_.NoteStream(/*ddl_captured=*/true);
  Transact(seconds(10));
  EXPECT_EQ(queries_, 1);  // once, when the stream begins
  Emit("trunkline.definition", kEmitted);
  EXPECT_EQ(told_.size(), 1u);
  EXPECT_TRUE(tracker_.uncertain());
  Relation described = Table(1, {"a", "b"});
  for (RelationColumn& column : described.columns) column.type_modifier = -1;
  described.identity = ReplicaIdentity::kDefault;
  See(described);
  Transact(seconds(100));
  EXPECT_EQ(queries_, 1);
  EXPECT_THAT(sink_.definitions, IsEmpty());
}

TEST_F(DefinitionTrackerTest, WhatWasAskedBeforeADefinitionInTheStreamIsVoid) {
  tracker_.NoteStream(/*ddl_captured=*/true);
  DescribedTables tables = Tables("answered", {Table(1, {"a"})});
  tables.settled = Lsn{500};
  SetSource(tables);
  Transact(seconds(10));
  Emit("trunkline.definition", kEmitted);
  Transact({}, Lsn{600});
  EXPECT_THAT(sink_.definitions, IsEmpty());
}

TEST_F(DefinitionTrackerTest, WhatChangedWhileDdlWasNotCapturedIsArchivedWhenTheStreamGetsThere) {
  tracker_.NoteStream(/*ddl_captured=*/true);
  DescribedTables tables = Tables("changed meanwhile", {Table(1, {"a"})});
  tables.settled = Lsn{500};
  SetSource(tables);
  Transact(seconds(10), Lsn{499});
  EXPECT_THAT(sink_.definitions, IsEmpty());
  Transact({}, Lsn{500});
  EXPECT_THAT(sink_.definitions, ElementsAre("changed meanwhile"));
}

TEST_F(DefinitionTrackerTest, AFailedCaptureOfOursHasTheSourceAsked) {
  SetSource(Tables("asked for", {Table(1, {"a"})}));
  Emit("trunkline.definition_failed", "another publication");
  EXPECT_FALSE(tracker_.due());
  Emit("trunkline.definition_failed", "trunkline");
  Transact();
  EXPECT_THAT(sink_.definitions, ElementsAre("asked for"));
}

TEST_F(DefinitionTrackerTest, MessagesOfOthersArePassedOver) {
  Emit("trunkline.definition", "no definition");
  Emit("trunkline.definition", R"({"publication": "other", "tables": []})");
  Emit("else", kEmitted);
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_FALSE(tracker_.uncertain());
}

}  // namespace
}  // namespace trunkline
