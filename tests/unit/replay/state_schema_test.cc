// Tables whose definition changes between changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kOid = 16384;

Relation Orders(const std::vector<std::string>& columns,
                ReplicaIdentity identity = ReplicaIdentity::kDefault) {
  return MakeRelation(kOid, "orders", columns, identity);
}

const Relation kBefore = Orders({"id*", "a", "b"});
const std::vector<Row> kRows = {{"1", "a1", "b1"}, {"2", nullptr, "b2"}};

Result<DatabaseState> After(const std::vector<ChangeSpec>& changes,
                            const Relation& before = kBefore, const std::vector<Row>& rows = kRows,
                            const std::string& definition = {}) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{before, rows}}, definition);
  archive.Commit(200, changes);
  archive.Publish(300);
  return archive.Rebuild("latest");
}

TEST(StateSchemaTest, AnAddedColumnHasItsConstantInOlderRows) {
  const Relation after = Orders({"id*", "a", "b", "c", "d"});
  const std::string definition = DefinitionOf({{.relation = after, .missing = {{"c", "seven"}}}});
  EXPECT_EQ(
      Rows(After({Define(definition), Insert(after, {"3", "a3", "b3", nullptr, "d3"})}), "orders"),
      "1,a1,b1,seven,\n2,,b2,seven,\n3,a3,b3,,d3\n");
}

TEST(StateSchemaTest, ADroppedColumnAndOneOfTheSameNameAddedLater) {
  const Relation dropped = Orders({"id*", "a"});
  const Relation again = Orders({"id*", "a", "b"});
  EXPECT_EQ(
      Rows(After({Define(DefinitionOf({{.relation = dropped}})), Insert(dropped, {"3", "a3"}),
                  Define(DefinitionOf(
                      {{.relation = again, .attnums = {1, 2, 4}, .missing = {{"b", "new"}}}})),
                  Insert(again, {"4", "a4", "b4"})}),
           "orders"),
      "1,a1,new\n2,,new\n3,a3,new\n4,a4,b4\n");
}

TEST(StateSchemaTest, DroppedAndAddedUnderTheSameNameBetweenTwoChanges) {
  const std::string definition =
      DefinitionOf({{.relation = kBefore, .attnums = {1, 2, 4}, .missing = {{"b", "new"}}}});
  EXPECT_EQ(Rows(After({Define(definition), Insert(kBefore, {"3", "a3", "b3"})}), "orders"),
            "1,a1,new\n2,,new\n3,a3,b3\n")
      << "the stream describes the table as before";
  EXPECT_EQ(Rows(After({Define(definition)}), "orders"), "1,a1,b1\n2,,b2\n")
      << "the definition may be ahead of the stream";
}

// The daemon was away: its first question to the source comes after all of it.
class AheadTest : public testing::Test {
 protected:
  AheadTest() {
    archive_.Snapshot(150, {{kBefore, kRows}});
    archive_.Commit(200, {Define(DefinitionOf({{.relation = kBefore,
                                                .attnums = {1, 2, 4},
                                                .missing = {{"b", "new"}},
                                                .since = {50, 50, 300}}})),
                          Insert(kBefore, {"3", "a3", "old b3"})});
    archive_.Commit(250, {Update(kBefore, {"2", "a2", "old b2"})});
  }
  std::string RowsNow() {
    archive_.Publish(400);
    return Rows(archive_.Rebuild("latest"), "orders");
  }

  ArchiveBuilder archive_;
};

TEST_F(AheadTest, ColumnsChangeInTheTransactionThatTheDefinitionNames) {
  archive_.Commit(300, {Insert(kBefore, {"4", "a4", "b4"})});
  EXPECT_EQ(RowsNow(), "1,a1,new\n2,a2,new\n3,a3,new\n4,a4,b4\n");
}

TEST_F(AheadTest, BeforeThatTheyAreTheOldOnes) {
  EXPECT_EQ(RowsNow(), "1,a1,b1\n2,a2,old b2\n3,a3,old b3\n");
}

TEST_F(AheadTest, AfterThatItIsNotGuessedWhenTheyChanged) {
  archive_.Commit(310, {Insert(kBefore, {"4", "a4", "b4"})});
  EXPECT_THAT(RowsNow(), HasSubstr("public.orders cannot be derived"));
}

TEST_F(AheadTest, AfterThatAnEmptyTableHasNothingToGuess) {
  archive_.Commit(310, {Truncate({kBefore}), Insert(kBefore, {"4", "a4", "b4"})});
  EXPECT_EQ(RowsNow(), "4,a4,b4\n");
}

TEST(StateSchemaTest, ATableDroppedAndMadeAgainWhileTheDaemonWasAway) {
  Relation again = kBefore;
  again.oid = kOid + 1;
  const std::string ahead = DefinitionOf({{.relation = again}}, true);
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kBefore, kRows}});
  archive.Commit(200, {Define(ahead), Insert(kBefore, {"3", "first", "b"})});
  archive.Commit(300, {Insert(again, {"1", "second", "b"})});
  archive.Publish(400);
  EXPECT_EQ(Rows(archive.Rebuild("lsn:0/FA"), "orders"), "1,a1,b1\n2,,b2\n3,first,b\n");
  const auto state = archive.Rebuild("latest");
  EXPECT_EQ(Rows(state, "orders"), "1,second,b\n");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->tables.size(), 1U);
  EXPECT_EQ(state->definition.tables.size(), 1U);
}

TEST(StateSchemaTest, ATableDroppedAndMadeAgain) {
  Relation again = kBefore;
  again.oid = kOid + 1;
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kBefore, kRows}});
  archive.Commit(200, {Define(DefinitionOf({{.relation = again}}, true)),
                       Insert(again, {"1", "second", "b"})});
  archive.Publish(300);
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "orders"), "1,second,b\n");
  EXPECT_EQ(Rows(archive.Rebuild("latest", {"orders"}), "orders"), "1,second,b\n");
}

TEST(StateSchemaTest, PartitionedTablesHaveRowsOnlyWherePublishedAsSuch) {
  const auto with_kind = [](bool published) {
    std::string json = DefinitionOf({{.relation = kBefore}});
    json.replace(json.find(R"("kind":"r")"), 10, R"("kind":"p")");
    if (!published) json.replace(json.find(R"("published":true)"), 16, R"("published":false)");
    return json;
  };
  EXPECT_EQ(Rows(After({Insert(kBefore, {"3", "a", "b"})}, kBefore, {}, with_kind(true)), "orders"),
            "3,a,b\n");
  EXPECT_EQ(Rows(After({Truncate({kBefore})}, kBefore, {}, with_kind(false)), "orders"),
            "no table");
}

TEST(StateSchemaTest, ARenamedColumnKeepsItsValues) {
  const Relation after = Orders({"id*", "A new", "b"});
  EXPECT_EQ(Rows(After({Define(DefinitionOf({{.relation = after}})),
                        Update(after, {"2", "x", kUnchanged})}),
                 "orders"),
            "1,a1,b1\n2,x,b2\n");
}

TEST(StateSchemaTest, WhatMayBeARenamingIsNotGuessed) {
  const Relation after = Orders({"id*", "A new", "b"});
  const auto state = After({Insert(after, {"3", "x", "y"})});
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().kind, ErrorKind::kGap);
  EXPECT_THAT(state.error().message, HasSubstr("\"A new\""));
  EXPECT_EQ(Rows(After({Insert(after, {"3", "x", "y"}), Truncate({after}),
                        Insert(after, {"4", "x", "y"})}),
                 "orders"),
            "4,x,y\n")
      << "a TRUNCATE makes the rows known again";
}

TEST(StateSchemaTest, ADefinitionAheadOfTheStreamIsAHintAlone) {
  // The daemon asks once, after all of this: drop b, add b again, rename a.
  const Relation last = Orders({"id*", "A new", "c", "b"});
  const std::string ahead = DefinitionOf(
      {{.relation = last, .attnums = {1, 2, 4, 5}, .missing = {{"c", "cc"}, {"b", "bb"}}}});
  const Relation with_c = Orders({"id*", "a", "b", "c"});
  const Relation without_b = Orders({"id*", "a", "c"});
  const Relation with_new_b = Orders({"id*", "a", "c", "b"});
  const std::vector<ChangeSpec> changes = {
      Define(ahead), Insert(with_c, {"3", "a3", "b3", "c3"}),
      Define(ahead), Insert(without_b, {"4", "a4", "c4"}),
      Define(ahead), Insert(with_new_b, {"5", "a5", "c5", "b5"}),
      Define(ahead), Insert(last, {"6", "a6", "c6", "b6"})};
  EXPECT_EQ(Rows(After({changes.begin(), changes.begin() + 2}), "orders"),
            "1,a1,b1,cc\n2,,b2,cc\n3,a3,b3,c3\n");
  EXPECT_EQ(Rows(After(changes), "orders"),
            "1,a1,cc,bb\n2,,cc,bb\n3,a3,c3,bb\n4,a4,c4,bb\n5,a5,c5,b5\n6,a6,c6,b6\n");
}

TEST(StateSchemaTest, ANotNullColumnWithoutAConstantCannotBeDerived) {
  const Relation after = Orders({"id*", "a", "b", "c"});
  const auto state = After({Define(DefinitionOf({{.relation = after, .not_null = {"c"}}})),
                            Insert(after, {"3", "a", "b", "c"})});
  EXPECT_THAT(Rows(state, "orders"), HasSubstr("computed for each row"));
}

TEST(StateSchemaTest, AChangedTypeIsTakenOnlyWhereValuesPrintTheSame) {
  Relation longer = kBefore;
  longer.columns[1].type_oid = 1043;
  EXPECT_EQ(Rows(After({Insert(longer, {"3", "a3", "b3"})}), "orders"),
            "1,a1,b1\n2,,b2\n3,a3,b3\n");
  Relation date = kBefore;
  date.columns[1].type_oid = 1082;
  EXPECT_THAT(Rows(After({Insert(date, {"3", "2020-01-01", "b3"})}), "orders"),
              HasSubstr("changed its type"));
}

TEST(StateSchemaTest, ColumnsInAnotherOrder) {
  const Relation after = Orders({"b", "id*", "a"});
  EXPECT_EQ(Rows(After({Define(DefinitionOf({{.relation = after, .attnums = {3, 1, 2}}})),
                        Update(after, {"B", "1", kUnchanged})}),
                 "orders"),
            "B,1,a1\nb2,2,\n");
}

TEST(StateSchemaTest, TheIdentityChangesFromKeyToFullToIndexToNothing) {
  const Relation full = Orders({"id", "a", "b"}, ReplicaIdentity::kFull);
  const Relation index = Orders({"id", "a", "b*"}, ReplicaIdentity::kIndex);
  const Relation nothing = Orders({"id", "a", "b"}, ReplicaIdentity::kNothing);
  EXPECT_EQ(
      Rows(After({Update(kBefore, {"1", "A1", "b1"}),
                  UpdateFull(full, {"2", nullptr, "b2"}, {"1", "twice", "b2"}),
                  Update(index, {"1", "three times", "b2"}),
                  Delete(index, {nullptr, nullptr, "b1"}), Insert(nothing, {"1", "x", "b2"})}),
           "orders"),
      "1,three times,b2\n1,x,b2\n");
}

TEST(StateSchemaTest, ANewKeyThatIsNoneIsCorruption) {
  const Relation other_key = Orders({"id", "a", "b*"}, ReplicaIdentity::kIndex);
  const auto state = After({Insert(other_key, {"3", "a", "b3"})}, kBefore,
                           {{"1", "a", "same"}, {"2", "a", "same"}});
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().kind, ErrorKind::kCorrupt);
}

TEST(StateSchemaTest, ARenamedTableKeepsItsRows) {
  Relation renamed = kBefore;
  renamed.name = "trades";
  const std::vector<ChangeSpec> changes = {Define(DefinitionOf({{.relation = renamed}})),
                                           Insert(renamed, {"3", "a", "b"})};
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kBefore, kRows}});
  archive.Commit(200, {Insert(kBefore, {"9", "a", "b"})});
  archive.Publish(250);
  archive.Commit(260, changes);
  archive.Publish(300);
  const std::string rows = "1,a1,b1\n2,,b2\n9,a,b\n3,a,b\n";
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "trades"), rows);
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "orders"), "no table");
  EXPECT_EQ(Rows(archive.Rebuild("latest", {"trades"}), "trades"), rows);
  EXPECT_EQ(archive.Rebuild("latest", {"orders"}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Rows(archive.Rebuild("lsn:0/FA", {"orders"}), "orders"), "1,a1,b1\n2,,b2\n9,a,b\n");
}

TEST(StateSchemaTest, ATableThatTheNewestDefinitionLacksIsLeftOutUnlessAskedFor) {
  const Relation kept = MakeRelation(17000, "kept", {"id*"});
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kBefore, kRows}, {kept, {}}});
  archive.Commit(200, {Define(DefinitionOf({{.relation = kept}})), Insert(kept, {"1"})});
  archive.Publish(300);
  const auto state = archive.Rebuild("latest");
  EXPECT_EQ(Rows(state, "orders"), "no table");
  ASSERT_TRUE(state);
  EXPECT_THAT(state->warnings, ElementsAre(HasSubstr("public.orders")));
  EXPECT_EQ(state->definition.FindTable(kOid), nullptr);
  const auto asked = archive.Rebuild("latest", {"orders"});
  EXPECT_EQ(Rows(asked, "orders"), "1,a1,b1\n2,,b2\n");
  ASSERT_TRUE(asked);
  EXPECT_NE(asked->definition.FindTable(kOid), nullptr);

  archive.Commit(310, {Insert(kBefore, {"3", "a", "b"})});
  archive.Publish(400);
  const auto alive = archive.Rebuild("latest");
  EXPECT_EQ(Rows(alive, "orders"), "1,a1,b1\n2,,b2\n3,a,b\n") << "it is there after all";
  ASSERT_TRUE(alive);
  EXPECT_THAT(alive->warnings, IsEmpty());
  EXPECT_NE(alive->definition.FindTable(kOid), nullptr);
}

TEST(StateSchemaTest, ADefinitionAheadBringsNoTableBackThatAnEarlierOneLacked) {
  const Relation kept = MakeRelation(17000, "kept", {"id*"});
  const std::string without = DefinitionOf({{.relation = kept}});
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kBefore, kRows}, {kept, {}}});
  archive.Commit(200, {Define(without, Lsn{210}), Insert(kept, {"1"})});
  archive.Commit(220, {Define(without, Lsn{1000}), Insert(kept, {"2"})});
  archive.Publish(300);
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "orders"), "no table");
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "kept"), "1\n2\n");
}

TEST(StateSchemaTest, ADefinitionInTheTransactionItselfIsExact) {
  const Relation added = Orders({"id*", "a", "b", "c"});
  const Relation fresh = MakeRelation(17000, "fresh", {"id*"});
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kBefore, kRows}, {MakeRelation(17001, "gone", {"id*"}), {}}});
  archive.Commit(
      200,
      {Message("trunkline.definition",
               DefinitionOf({{.relation = added, .missing = {{"c", "cc"}}}, {.relation = fresh}},
                            true))});
  archive.Publish(300);
  const auto state = archive.Rebuild("latest");
  EXPECT_EQ(Rows(state, "orders"), "1,a1,b1,cc\n2,,b2,cc\n");
  EXPECT_EQ(Rows(state, "fresh"), "");
  EXPECT_EQ(Rows(state, "gone"), "no table");
}

// `definition` with further members in front.
std::string WithMembers(const std::string& members, const std::string& definition) {
  return "{" + members + ", " + definition.substr(1);
}

TEST(StateSchemaTest, DefinitionsMadeSideBySideDoNotTakeEachOthersChangesBack) {
  const Relation added = Orders({"id*", "a", "b", "c"});
  const Relation fresh = MakeRelation(17000, "fresh", {"id*"});
  const Relation late = MakeRelation(17001, "late", {"id*"});
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kBefore, kRows}});
  archive.Commit(200,
                 {Message("trunkline.definition",
                          WithMembers(R"("snapshot": "190:201:")",
                                      DefinitionOf({{.relation = added, .missing = {{"c", "cc"}}},
                                                    {.relation = late}},
                                                   true)))});
  archive.Commit(
      220,
      {Message("trunkline.definition",
               WithMembers(R"("snapshot": "4294967496:4294967507:4294967496")",
                           DefinitionOf({{.relation = kBefore}, {.relation = fresh}}, true)))},
      {}, 210);
  archive.Publish(300);
  const auto state = archive.Rebuild("latest");
  EXPECT_EQ(Rows(state, "orders"), "1,a1,b1,cc\n2,,b2,cc\n");
  EXPECT_EQ(Rows(state, "fresh"), "");
  EXPECT_EQ(Rows(state, "late"), "");

  archive.Commit(310, {Message("trunkline.definition",
                               WithMembers(R"("snapshot": "310:310:")",
                                           DefinitionOf({{.relation = kBefore}}, true)))});
  archive.Publish(400);
  const auto seen = archive.Rebuild("latest");
  EXPECT_EQ(Rows(seen, "orders"), "1,a1,b1\n2,,b2\n");
  EXPECT_EQ(Rows(seen, "late"), "no table");
}

TEST(StateSchemaTest, ARewriteThatTheDefinitionDoesNotShowIsToldByItsMessage) {
  const auto with = [](const std::string& content) {
    return Rows(
        After({Message("trunkline.rewritten", content), Insert(kBefore, {"3", nullptr, nullptr})}),
        "orders");
  };
  const std::string oid = std::to_string(kOid);
  EXPECT_THAT(with(oid + " 4"), HasSubstr("public.orders that are older than a rewrite"));
  EXPECT_THAT(with(oid + " 6"), HasSubstr("cannot be derived"));
  const std::string exact = "1,a1,b1\n2,,b2\n3,,\n";
  EXPECT_EQ(with("16385 4"), exact) << "another table";
  for (const std::string& forged :
       {oid, oid + " ", oid + " 4 4", "x" + oid + " 4", std::string()}) {
    EXPECT_EQ(with(forged), exact) << forged;
  }
  EXPECT_EQ(Rows(After({Message("trunkline.rewritten", oid + " 4")}, kBefore, {}), "orders"), "")
      << "an empty table has nothing to rewrite";
}

TEST(StateSchemaTest, MessagesThatAreNoDefinitionOfTheArchiveArePassedOver) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kBefore, kRows}},
                   WithMembers(R"("publication": "ours")", DefinitionOf({{.relation = kBefore}})));
  archive.Commit(200, {Message("trunkline.definition",
                               WithMembers(R"("publication": "theirs")", DefinitionOf({}))),
                       Message("trunkline.definition", "forged")});
  archive.Publish(300);
  const auto state = archive.Rebuild("latest");
  EXPECT_EQ(Rows(state, "orders"), "1,a1,b1\n2,,b2\n");
  ASSERT_TRUE(state);
  EXPECT_THAT(state->warnings, ElementsAre(HasSubstr("holds none")));
}

}  // namespace
}  // namespace trunkline::test
