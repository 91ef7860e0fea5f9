#include "decoder/assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/decoder/recording_sink.h"
#include "tests/unit/decoder/wire.h"

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::InStream;
using wire::Null;
using wire::Text;

constexpr uint32_t kTable = 42;

std::string TableOf(const std::vector<std::string>& columns, char identity = 'd') {
  std::vector<wire::Column> described;
  for (const std::string& name : columns) described.push_back({.name = name});
  return wire::Relation(kTable, "s", "t", described, identity);
}
std::string Row(const std::string& value) { return wire::Insert(kTable, {Text(value)}); }
// A transaction's end at `lsn`, and the same of a streamed one.
std::string Begin(uint32_t xid, uint64_t lsn) { return wire::Begin(lsn, 5, xid); }
std::string Commit(uint64_t lsn) { return wire::Commit(lsn, lsn + 8, 5); }
std::string StreamCommit(uint32_t xid, uint64_t lsn) {
  return wire::StreamCommit(xid, lsn, lsn + 8, 5);
}

class AssemblerTest : public testing::Test {
 protected:
  AssemblerTest() {
    assembler_.set_relation_hook([this](const Relation& relation, const Relation* previous) {
      EXPECT_TRUE(sink_.in_transaction());
      sink_.lines.push_back("hook " + relation.name + Columns(relation) +
                            (previous == nullptr ? "" : " was" + Columns(*previous)));
      return Result<void>();
    });
  }

  static std::string Columns(const Relation& relation) {
    std::string text;
    for (const RelationColumn& column : relation.columns) text += " " + column.name;
    return text;
  }

  Result<void> TryFeed(const std::string& message, uint64_t wal_start = 0) {
    return assembler_.Feed(Lsn{wal_start}, message);
  }
  void Feed(const std::vector<std::string>& messages) {
    for (const std::string& message : messages) {
      const Result<void> fed = TryFeed(message);
      ASSERT_TRUE(fed) << fed.error().ToString();
    }
  }
  // A chunk of a stream; each message of it is of `sub_xid`.
  void FeedChunk(uint32_t xid, bool first, uint32_t sub_xid,
                 const std::vector<std::string>& messages) {
    Feed({wire::StreamStart(xid, first)});
    for (const std::string& message : messages) Feed({InStream(sub_xid, message)});
    Feed({wire::StreamStop()});
  }
  void ExpectCorrupt(const std::string& message, const std::string& why) {
    const Result<void> fed = TryFeed(message);
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(fed.error().message, HasSubstr(why));
  }
  // What the sink and the hook were told since the last call.
  std::vector<std::string> Lines() { return std::exchange(sink_.lines, {}); }

  RecordingSink sink_;
  std::unique_ptr<ChangeStore> store_ = NewMemoryChangeStore();
  Assembler assembler_{&sink_, store_.get()};
};

TEST_F(AssemblerTest, PassesATransactionThroughAsItArrives) {
  EXPECT_TRUE(assembler_.idle());
  Feed({Begin(7, 0x100), TableOf({"a"}), Row("1")});
  EXPECT_FALSE(assembler_.idle());
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/100 time 5", "hook t a", "I s.t (a=1)"));
  Feed({wire::Update(kTable, {Text("2")}),
        wire::Update(kTable, 'K', {Text("2")}, {wire::Unchanged()}),
        wire::Delete(kTable, 'O', {Null()}), wire::Truncate({kTable}, 3),
        wire::Logical(true, 0x99, "p", "text"), Commit(0x100)});
  EXPECT_THAT(Lines(), ElementsAre("U s.t (a=2)", "U s.t K(a=2) (a=unchanged)", "D s.t O(a=null)",
                                   "T s.t flags 3", "M p@0/99: text", "commit 7 to 0/108"));
  EXPECT_TRUE(assembler_.idle());
}

TEST_F(AssemblerTest, PassesAnEmptyTransaction) {
  Feed({Begin(7, 0x100), Commit(0x100)});
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/100 time 5", "commit 7 to 0/108"));
}

TEST_F(AssemblerTest, TheOriginIsKnownAtBegin) {
  Feed({Begin(7, 0x100), wire::Origin(0x77, "tokyo")});
  EXPECT_THAT(Lines(), IsEmpty());
  Feed({Commit(0x100)});
  EXPECT_THAT(Lines(),
              ElementsAre("begin 7 at 0/100 time 5 origin tokyo@0/77", "commit 7 to 0/108"));
  Feed({Begin(8, 0x200), Commit(0x200)});
  EXPECT_THAT(Lines(), ElementsAre("begin 8 at 0/200 time 5", "commit 8 to 0/208"));
}

TEST_F(AssemblerTest, AFurtherOriginIsKeptAsItCame) {
  const std::string late = wire::Origin(0x78, "osaka");
  Feed({Begin(7, 0x100), wire::Origin(0x77, "tokyo"), late, Commit(0x100)});
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/100 time 5 origin tokyo@0/77", "?: " + late,
                                   "commit 7 to 0/108"));
}

TEST_F(AssemblerTest, TheOriginOfAStreamComesInItsFirstChunk) {
  Feed({wire::StreamStart(7, true), wire::Origin(0, "tokyo"), InStream(7, TableOf({"a"})),
        InStream(7, Row("1")), wire::StreamStop(), StreamCommit(7, 0x100)});
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/100 time 5 origin tokyo@0/0", "hook t a",
                                   "[7] I s.t (a=1)", "commit 7 to 0/108"));
}

TEST_F(AssemblerTest, TypeNamesBelongToTheColumnsOfLaterRelations) {
  Feed({Begin(7, 0x100), wire::Type(900, "app", "mood"), wire::Type(901, "", "odd"),
        wire::Relation(kTable, "s", "t",
                       {{.name = "a", .type_oid = 900}, {.name = "b", .type_oid = 901}, {"c"}}),
        wire::Insert(kTable, {Null(), Null(), Null()})});
  const Relation& relation = *sink_.relations.at(0);
  EXPECT_EQ(relation.columns[0].type_schema, "app");
  EXPECT_EQ(relation.columns[0].type_name, "mood");
  EXPECT_EQ(relation.columns[1].type_schema, "pg_catalog");
  EXPECT_EQ(relation.columns[2].type_name, "");
  Feed({wire::Type(900, "app", "temper"),
        wire::Relation(kTable, "s", "t", {{.name = "a", .type_oid = 900}}),
        wire::Insert(kTable, {Null()})});
  EXPECT_EQ(sink_.relations.at(1)->columns[0].type_name, "temper");
}

TEST_F(AssemblerTest, TheHookRunsBeforeTheFirstChangeThatUsesWhatIsNew) {
  Feed({Begin(7, 0x100), TableOf({"a"}), Commit(0x100)});
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/100 time 5", "commit 7 to 0/108"));
  Feed({Begin(8, 0x200), wire::Truncate({kTable}), Row("1"), TableOf({"a"}), Row("2")});
  EXPECT_THAT(Lines(), ElementsAre("begin 8 at 0/200 time 5", "hook t a", "T s.t flags 0",
                                   "I s.t (a=1)", "I s.t (a=2)"));
  Feed({TableOf({"a", "b"}), wire::Insert(kTable, {Text("3"), Null()}), Commit(0x200)});
  EXPECT_THAT(Lines(), ElementsAre("hook t a b was a", "I s.t (a=3 b=null)", "commit 8 to 0/208"));
}

TEST_F(AssemblerTest, AnEqualDescriptionIsTheSameRelationAndAnOldOneStaysValid) {
  Feed({Begin(7, 0x100), TableOf({"a"}), Row("1"), TableOf({"a"}), Row("2"), TableOf({"b"}),
        Row("3"), TableOf({"a"}), Row("4")});
  const auto& seen = sink_.relations;
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_NE(seen[0], seen[2]);
  EXPECT_EQ(seen[0], seen[3]);
  EXPECT_EQ(seen[0]->columns[0].name, "a");
  EXPECT_EQ(seen[2]->columns[0].name, "b");
}

TEST_F(AssemblerTest, AReplicaIdentityChangedIsARelationChanged) {
  Feed({Begin(7, 0x100), TableOf({"a"}), Row("1"), TableOf({"a"}, 'f'), Row("2")});
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/100 time 5", "hook t a", "I s.t (a=1)",
                                   "hook t a was a", "I s.t (a=2)"));
}

TEST_F(AssemblerTest, StreamsComeOutWholeInTheOrderOfTheirCommits) {
  FeedChunk(7, true, 7, {TableOf({"a"}), Row("7.1")});
  FeedChunk(8, true, 8, {TableOf({"a"}), Row("8.1")});
  Feed({Begin(9, 0x100), TableOf({"a"}), Row("9.1"), Commit(0x100)});
  FeedChunk(7, false, 7, {Row("7.2")});
  EXPECT_THAT(Lines(), ElementsAre("begin 9 at 0/100 time 5", "hook t a", "I s.t (a=9.1)",
                                   "commit 9 to 0/108"));
  Feed({StreamCommit(8, 0x200)});
  EXPECT_THAT(Lines(),
              ElementsAre("begin 8 at 0/200 time 5", "[8] I s.t (a=8.1)", "commit 8 to 0/208"));
  EXPECT_FALSE(assembler_.idle());
  Feed({StreamCommit(7, 0x300)});
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/300 time 5", "[7] I s.t (a=7.1)",
                                   "[7] I s.t (a=7.2)", "commit 7 to 0/308"));
  EXPECT_TRUE(assembler_.idle());
}

TEST_F(AssemblerTest, AnAbortedSubtransactionLeavesOutJustItsPart) {
  Feed({wire::StreamStart(7, true), InStream(7, TableOf({"a"})), InStream(7, Row("top")),
        InStream(8, Row("aborted")), InStream(9, wire::Truncate({kTable})),
        InStream(10, Row("kept")), wire::StreamStop(), wire::StreamAbort(7, 8),
        wire::StreamAbort(7, 9, 0x50, 5), wire::StreamAbort(7, 99), StreamCommit(7, 0x100)});
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/100 time 5", "hook t a", "[7] I s.t (a=top)",
                                   "[10] I s.t (a=kept)", "commit 7 to 0/108"));
}

TEST_F(AssemblerTest, AnAbortedStreamLeavesNothing) {
  FeedChunk(7, true, 7, {TableOf({"a"}), Row("1")});
  Feed({wire::StreamAbort(7, 7)});
  EXPECT_TRUE(assembler_.idle());
  EXPECT_THAT(Lines(), IsEmpty());
  Feed({Begin(8, 0x100)});
  ExpectCorrupt(Row("1"), "never described");
}

TEST_F(AssemblerTest, TheAbortOfWhatWasNeverStreamedIsNoError) {
  Feed({wire::StreamAbort(7, 7), wire::StreamAbort(7, 8)});
  EXPECT_TRUE(assembler_.idle());
}

// What the server relies on after a streamed transaction's commit.
TEST_F(AssemblerTest, ACommittedStreamDescribesRelationsForAllThatFollows) {
  FeedChunk(7, true, 8, {TableOf({"a"}), Row("1")});
  Feed({StreamCommit(7, 0x100)});
  Lines();
  Feed({Begin(9, 0x200), Row("2"), Commit(0x200)});
  EXPECT_THAT(Lines(), ElementsAre("begin 9 at 0/200 time 5", "I s.t (a=2)", "commit 9 to 0/208"));
}

// A subtransaction adds a column and aborts. The table is as before for the next transaction, which
// describes it while the streamed one is still open, and for the one after that, which does not
// describe it again.
TEST_F(AssemblerTest, WhatAnAbortedSubtransactionDescribedIsForgotten) {
  Feed({wire::StreamStart(7, true), InStream(8, TableOf({"a", "b"})),
        InStream(8, wire::Insert(kTable, {Text("1"), Text("2")})), wire::StreamStop(),
        wire::StreamAbort(7, 8), Begin(9, 0x100), TableOf({"a"}), Row("9"), Commit(0x100),
        StreamCommit(7, 0x200), Begin(10, 0x300), Row("10"), Commit(0x300)});
  EXPECT_THAT(Lines(),
              ElementsAre("begin 9 at 0/100 time 5", "hook t a", "I s.t (a=9)", "commit 9 to 0/108",
                          "begin 7 at 0/200 time 5", "commit 7 to 0/208",
                          "begin 10 at 0/300 time 5", "I s.t (a=10)", "commit 10 to 0/308"));
}

// A publication's column list may change under an open transaction.
TEST_F(AssemblerTest, StreamsWithOtherVersionsOfARelationResolveEachTheirOwn) {
  FeedChunk(7, true, 7, {TableOf({"a", "b"}), wire::Insert(kTable, {Text("1"), Text("2")})});
  Feed({Begin(9, 0x100), TableOf({"a"}), Row("9"), Commit(0x100)});
  FeedChunk(8, true, 8, {TableOf({"c"}), Row("8")});
  Feed({StreamCommit(7, 0x200)});
  EXPECT_THAT(Lines(), ElementsAre("begin 9 at 0/100 time 5", "hook t a", "I s.t (a=9)",
                                   "commit 9 to 0/108", "begin 7 at 0/200 time 5",
                                   "hook t a b was a", "[7] I s.t (a=1 b=2)", "commit 7 to 0/208"));
  // The description that transaction 9 sent is newer than 7's, though 7 committed later.
  Feed({Begin(10, 0x300), Row("10"), Commit(0x300)});
  EXPECT_THAT(Lines(), ElementsAre("begin 10 at 0/300 time 5", "hook t a was a b", "I s.t (a=10)",
                                   "commit 10 to 0/308"));
  // And 8's is newer still.
  Feed({StreamCommit(8, 0x400), Begin(11, 0x500), Row("11"), Commit(0x500)});
  EXPECT_THAT(Lines(), ElementsAre("begin 8 at 0/400 time 5", "hook t c was a", "[8] I s.t (c=8)",
                                   "commit 8 to 0/408", "begin 11 at 0/500 time 5", "I s.t (c=11)",
                                   "commit 11 to 0/508"));
}

TEST_F(AssemblerTest, TypesInsideAStreamServeItsRelations) {
  FeedChunk(7, true, 7,
            {wire::Type(900, "app", "mood"),
             wire::Relation(kTable, "s", "t", {{.name = "a", .type_oid = 900}}), Row("1")});
  Feed({StreamCommit(7, 0x100)});
  EXPECT_EQ(sink_.relations.at(0)->columns[0].type_name, "mood");
}

TEST_F(AssemblerTest, APreparedTransactionComesAtCommitPrepared) {
  Feed({wire::BeginPrepare(0x80, 0x88, 4, 7, "gid"), wire::Origin(0x77, "tokyo"), TableOf({"a"}),
        Row("1"), wire::TwoPhase('P', 0x80, 0x88, 4, 7, "gid")});
  EXPECT_THAT(Lines(), IsEmpty());
  EXPECT_FALSE(assembler_.idle());
  Feed({wire::TwoPhase('K', 0x100, 0x108, 5, 7, "gid")});
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/100 time 5 origin tokyo@0/77 gid gid", "hook t a",
                                   "I s.t (a=1)", "commit 7 to 0/108"));
  EXPECT_TRUE(assembler_.idle());
}

TEST_F(AssemblerTest, AStreamedTransactionMayBePrepared) {
  FeedChunk(7, true, 8, {TableOf({"a"}), Row("1")});
  Feed({wire::TwoPhase('p', 0x80, 0x88, 4, 7, "gid"),
        wire::TwoPhase('K', 0x100, 0x108, 5, 7, "gid")});
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/100 time 5 gid gid", "hook t a", "[8] I s.t (a=1)",
                                   "commit 7 to 0/108"));
}

TEST_F(AssemblerTest, APreparedTransactionRolledBackLeavesWhatItDescribed) {
  Feed({wire::BeginPrepare(0x80, 0x88, 4, 7, "gid"), TableOf({"a"}), Row("1"),
        wire::TwoPhase('P', 0x80, 0x88, 4, 7, "gid"),
        wire::RollbackPrepared(0x88, 0x98, 4, 5, 7, "gid")});
  EXPECT_TRUE(assembler_.idle());
  Feed({Begin(8, 0x100), Row("2"), Commit(0x100)});
  EXPECT_THAT(Lines(), ElementsAre("begin 8 at 0/100 time 5", "hook t a", "I s.t (a=2)",
                                   "commit 8 to 0/108"));
}

TEST_F(AssemblerTest, TheRollbackOfWhatWasNeverPreparedIsNoError) {
  Feed({wire::RollbackPrepared(0x88, 0x98, 4, 5, 7, "gid")});
  EXPECT_TRUE(assembler_.idle());
}

// The server describes a relation to a prepared transaction once for all, as to plain ones.
TEST_F(AssemblerTest, APreparedTransactionKeepsTheRelationsInForceWhenItCame) {
  Feed({Begin(6, 0x60), TableOf({"a"}), Commit(0x60), wire::BeginPrepare(0x80, 0x88, 4, 7, "gid"),
        Row("1"), wire::Truncate({kTable}), wire::TwoPhase('P', 0x80, 0x88, 4, 7, "gid"),
        Begin(8, 0x90), TableOf({"b"}), Row("2"), Commit(0x90)});
  Lines();
  Feed({wire::TwoPhase('K', 0x100, 0x108, 5, 7, "gid"), Begin(9, 0x110), Row("3"), Commit(0x110)});
  EXPECT_THAT(Lines(),
              ElementsAre("begin 7 at 0/100 time 5 gid gid", "hook t a was b", "I s.t (a=1)",
                          "T s.t flags 0", "commit 7 to 0/108", "begin 9 at 0/110 time 5",
                          "hook t b was a", "I s.t (b=3)", "commit 9 to 0/118"));
}

TEST_F(AssemblerTest, AMessageOfItsOwnIsATransactionOfItsOwn) {
  Feed({wire::Logical(false, 0x100, "p", "between")});
  EXPECT_TRUE(assembler_.idle());
  Feed({wire::StreamStart(7, true), InStream(7, wire::Logical(false, 0x200, "p", "in a stream")),
        InStream(7, wire::Logical(true, 0x201, "p", "of the stream")), wire::StreamStop()});
  EXPECT_THAT(Lines(), ElementsAre("begin 0 at 0/100 time 0", "M p@0/100 on its own: between",
                                   "commit 0 to 0/100", "begin 0 at 0/200 time 0",
                                   "[7] M p@0/200 on its own: in a stream", "commit 0 to 0/200"));
  Feed({StreamCommit(7, 0x300)});
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/300 time 5", "[7] M p@0/201: of the stream",
                                   "commit 7 to 0/308"));
}

TEST_F(AssemblerTest, AMessageOfItsOwnWaitsForTheCommitOfATransactionThatPassesThrough) {
  Feed({Begin(7, 0x100), wire::Logical(false, 0x80, "p", "one"),
        wire::Logical(false, 0x88, "p", "two"), wire::Logical(true, 0x90, "p", "within"),
        Commit(0x100)});
  EXPECT_THAT(
      Lines(),
      ElementsAre("begin 7 at 0/100 time 5", "M p@0/90: within", "commit 7 to 0/108",
                  "begin 0 at 0/80 time 0", "M p@0/80 on its own: one", "commit 0 to 0/80",
                  "begin 0 at 0/88 time 0", "M p@0/88 on its own: two", "commit 0 to 0/88"));
  EXPECT_TRUE(assembler_.idle());
}

TEST_F(AssemblerTest, UnknownMessagesAreKeptWhereTheyStood) {
  Feed({Begin(7, 0x100), "?plain", Commit(0x100), wire::StreamStart(8, true), "?streamed",
        wire::StreamStop(), StreamCommit(8, 0x200), wire::BeginPrepare(0x240, 0x248, 4, 9, "gid"),
        "?prepared", wire::TwoPhase('P', 0x240, 0x248, 4, 9, "gid"),
        wire::TwoPhase('K', 0x300, 0x308, 5, 9, "gid")});
  EXPECT_THAT(Lines(),
              ElementsAre("begin 7 at 0/100 time 5", "?: ?plain", "commit 7 to 0/108",
                          "begin 8 at 0/200 time 5", "?: ?streamed", "commit 8 to 0/208",
                          "begin 9 at 0/300 time 5 gid gid", "?: ?prepared", "commit 9 to 0/308"));
}

TEST_F(AssemblerTest, AnUnknownMessageOutsideIsATransactionAtItsWalStart) {
  ASSERT_TRUE(TryFeed("?early", 0x50));
  EXPECT_THAT(Lines(), ElementsAre("begin 0 at 0/50 time 0", "?: ?early", "commit 0 to 0/50"));
  Feed({Begin(7, 0x100), Commit(0x100)});
  Lines();
  // Without a WAL start, or with one from before, it stands where the stream has got to.
  ASSERT_TRUE(TryFeed("?late", 0x60));
  ASSERT_TRUE(TryFeed("?late", 0));
  EXPECT_THAT(Lines(), ElementsAre("begin 0 at 0/108 time 0", "?: ?late", "commit 0 to 0/108",
                                   "begin 0 at 0/108 time 0", "?: ?late", "commit 0 to 0/108"));
}

TEST_F(AssemblerTest, AnUnknownMessageThatHasNoPlaceIsAnError) {
  const Result<void> fed = TryFeed("?nowhere");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, ErrorKind::kUnsupported);
}

TEST_F(AssemblerTest, ATupleMustHaveItsRelationsWidth) {
  Feed({Begin(7, 0x100), TableOf({"a"})});
  ExpectCorrupt(wire::Insert(kTable, {Text("1"), Text("2")}),
                "tuple of 2 columns for relation 42, which has 1");
}

TEST_F(AssemblerTest, OldTuplesMustHaveItsWidthToo) {
  Feed({Begin(7, 0x100), TableOf({"a"})});
  ExpectCorrupt(wire::Update(kTable, 'K', {}, {Text("1")}), "tuple of 0 columns");
  ExpectCorrupt(wire::Delete(kTable, 'K', {Text("1"), Null()}), "tuple of 2 columns");
}

TEST_F(AssemblerTest, ARelationNeverDescribedIsAnError) {
  Feed({Begin(7, 0x100), TableOf({"a"})});
  ExpectCorrupt(wire::Truncate({kTable, 43}), "relation 43, which was never described");
  ExpectCorrupt(wire::Insert(43, {}), "relation 43, which was never described");
}

// A streamed transaction stands by itself: what plain ones know does not reach into it.
TEST_F(AssemblerTest, AStreamMustDescribeWhatItUses) {
  Feed({Begin(6, 0x50), TableOf({"a"}), Row("1"), Commit(0x50)});
  FeedChunk(7, true, 7, {Row("2")});
  ExpectCorrupt(StreamCommit(7, 0x100), "never described");
}

TEST_F(AssemblerTest, MessagesThatCannotStandWhereTheyDo) {
  const std::vector<std::string> outside = {Commit(0x100),
                                            Row("1"),
                                            wire::Update(kTable, {}),
                                            wire::Delete(kTable, 'K', {}),
                                            wire::Truncate({}),
                                            wire::Logical(true, 1, "p", ""),
                                            wire::Origin(1, "o"),
                                            wire::StreamStop(),
                                            wire::TwoPhase('P', 1, 2, 3, 4, "gid"),
                                            StreamCommit(7, 0x100),
                                            wire::TwoPhase('p', 1, 2, 3, 7, "gid"),
                                            wire::TwoPhase('K', 1, 2, 3, 7, "gid"),
                                            wire::StreamStart(7, false)};
  for (const std::string& message : outside) ExpectCorrupt(message, "pgoutput message '");

  const std::vector<std::string> within = {Begin(8, 0x100),
                                           wire::StreamStart(8, true),
                                           wire::StreamStop(),
                                           StreamCommit(7, 0x100),
                                           wire::StreamAbort(7, 7),
                                           wire::BeginPrepare(1, 2, 3, 8, "gid"),
                                           wire::TwoPhase('P', 1, 2, 3, 4, "gid"),
                                           wire::TwoPhase('K', 1, 2, 3, 7, "gid"),
                                           wire::TwoPhase('p', 1, 2, 3, 7, "gid"),
                                           wire::RollbackPrepared(1, 2, 3, 4, 5, "gid")};
  Feed({Begin(7, 0x100)});
  for (const std::string& message : within) ExpectCorrupt(message, "cannot stand here");
  ExpectCorrupt(Commit(0x101), "is not the end of transaction 7");
  ExpectCorrupt(wire::Commit(0x100, 0x108, 6), "is not the end of transaction 7");
  Feed({Commit(0x100), wire::StreamStart(7, true)});
  for (const std::string& message : within) {
    if (message != wire::StreamStop()) ExpectCorrupt(message, "cannot stand here");
  }
  ExpectCorrupt(Commit(0x100), "cannot stand here");
}

TEST_F(AssemblerTest, HeldTransactionsGoOnOnlyAsTheyBegan) {
  FeedChunk(7, true, 7, {});
  ExpectCorrupt(wire::StreamStart(7, true), "is not the next part of transaction 7");
  ExpectCorrupt(wire::BeginPrepare(1, 2, 3, 7, "gid"), "transaction 7 is open");
  ExpectCorrupt(wire::TwoPhase('K', 1, 2, 3, 7, "gid"), "was not prepared");
  Feed({wire::TwoPhase('p', 1, 2, 3, 7, "gid")});
  ExpectCorrupt(wire::TwoPhase('p', 1, 2, 3, 7, "gid"), "is prepared");
  ExpectCorrupt(wire::StreamStart(7, false), "is not the next part of transaction 7");
  ExpectCorrupt(StreamCommit(7, 0x100), "is prepared");
  ExpectCorrupt(wire::TwoPhase('K', 1, 2, 3, 7, "other"), "was not prepared");
  Feed({wire::BeginPrepare(1, 2, 3, 8, "gid8")});
  ExpectCorrupt(wire::TwoPhase('P', 1, 2, 3, 9, "gid8"), "is not the end of transaction 8");
  ExpectCorrupt(wire::TwoPhase('P', 1, 2, 3, 8, "gid9"), "is not the end of transaction 8");
}

TEST_F(AssemblerTest, TheSinksErrorReachesTheCaller) {
  sink_.fail_at_change = true;
  Feed({Begin(7, 0x100), TableOf({"a"})});
  const Result<void> fed = TryFeed(Row("1"));
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, ErrorKind::kUnavailable);
}

TEST_F(AssemblerTest, TheHooksErrorReachesTheCallerAndItsChangesTheSink) {
  assembler_.set_relation_hook([this](const Relation&, const Relation*) -> Result<void> {
    TRY(sink_.OnChange({.operation = Operation::kDefinition, .content = "{}"}));
    return Fail(ErrorKind::kCancelled, "stop");
  });
  FeedChunk(7, true, 7, {TableOf({"a"}), Row("1")});
  const Result<void> fed = TryFeed(StreamCommit(7, 0x100));
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, ErrorKind::kCancelled);
  EXPECT_THAT(Lines(), ElementsAre("begin 7 at 0/100 time 5", "F: {}"));
}

}  // namespace
}  // namespace trunkline
