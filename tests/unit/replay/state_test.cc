// What the fold makes of changes: each replica identity, truncation, TOAST, and what cannot be.
#include "replay/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;

const Relation kOrders = MakeRelation(16384, "orders", {"id*", "note"});
const Relation kLog = MakeRelation(16385, "log", {"a", "b"}, ReplicaIdentity::kFull);
const Relation kEvents = MakeRelation(16386, "events", {"a"}, ReplicaIdentity::kNothing);
const Relation kPairs = MakeRelation(16387, "pairs", {"v", "x*", "y*"}, ReplicaIdentity::kIndex);

std::string RowsAfter(const Relation& relation, std::vector<Row> before,
                      const std::vector<ChangeSpec>& changes) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{relation, std::move(before)}});
  archive.Commit(200, changes);
  archive.Publish(300);
  return Rows(archive.Rebuild("latest"), relation.name);
}

TEST(StateTest, SnapshotAlone) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {{"1", "a"}, {"2", nullptr}, {"3", ""}}}, {kLog, {}}});
  const auto state = archive.Rebuild("latest");
  EXPECT_EQ(Rows(state, "orders"), "1,a\n2,\n3,\"\"\n");
  EXPECT_EQ(Rows(state, "log"), "");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->tables.size(), 2U);
}

TEST(StateTest, KeyedRowsAreLastWriterWins) {
  EXPECT_EQ(RowsAfter(kOrders, {{"1", "a"}, {"2", "b"}},
                      {Insert(kOrders, {"3", "c"}), Update(kOrders, {"1", "a2"}),
                       Delete(kOrders, {"2", nullptr}), Update(kOrders, {"1", "a3"}),
                       Insert(kOrders, {"2", "again"})}),
            "1,a3\n3,c\n2,again\n");
}

TEST(StateTest, AKeyUpdateMovesTheRowAndFreesItsKey) {
  EXPECT_EQ(RowsAfter(kOrders, {{"1", "a"}},
                      {UpdateKey(kOrders, {"1", nullptr}, {"7", "a7"}),
                       Insert(kOrders, {"1", "new"}), Update(kOrders, {"7", "a8"})}),
            "7,a8\n1,new\n");
}

TEST(StateTest, CompositeKeysOfAnIndexInTheMiddle) {
  EXPECT_EQ(RowsAfter(kPairs, {{"a", "1", "23"}, {"b", "12", "3"}},
                      {Update(kPairs, {"A", "1", "23"}),
                       UpdateKey(kPairs, {nullptr, "12", "3"}, {"B", "12", "4"})}),
            "A,1,23\nB,12,4\n");
}

TEST(StateTest, FullIdentityIsAMultiset) {
  EXPECT_EQ(RowsAfter(kLog, {{"x", "1"}, {"x", "1"}, {"x", "1"}, {"y", nullptr}},
                      {DeleteFull(kLog, {"x", "1"}), UpdateFull(kLog, {"x", "1"}, {"x", "2"}),
                       UpdateFull(kLog, {"y", nullptr}, {"y", ""}), Insert(kLog, {"x", "2"})}),
            "x,1\nx,2\ny,\"\"\nx,2\n");
}

TEST(StateTest, FullIdentityTellsEqualValuesThatPrintOtherwiseApart) {
  EXPECT_EQ(RowsAfter(kLog, {{"1.0", "a"}, {"1.00", "a"}}, {DeleteFull(kLog, {"1.00", "a"})}),
            "1.0,a\n");
}

TEST(StateTest, ManyEqualRowsStayFast) {
  std::vector<ChangeSpec> changes(20'000, Insert(kLog, {"same", "same"}));
  for (int i = 0; i < 19'998; ++i) changes.push_back(DeleteFull(kLog, {"same", "same"}));
  EXPECT_EQ(RowsAfter(kLog, {}, changes), "same,same\nsame,same\n");
}

TEST(StateTest, NothingIsInsertOnly) {
  EXPECT_EQ(RowsAfter(kEvents, {{"1"}, {"1"}}, {Insert(kEvents, {"1"}), Insert(kEvents, {"2"})}),
            "1\n1\n1\n2\n");
}

TEST(StateTest, UnchangedToastIsCarriedForward) {
  EXPECT_EQ(RowsAfter(kOrders, {{"1", "big"}},
                      {Update(kOrders, {"1", kUnchanged}),
                       UpdateKey(kOrders, {"1", nullptr}, {"2", kUnchanged})}),
            "2,big\n");
  EXPECT_EQ(RowsAfter(kLog, {{"1", "big"}, {"2", "other"}},
                      {UpdateFull(kLog, {"1", "big"}, {"3", kUnchanged})}),
            "3,big\n2,other\n");
}

TEST(StateTest, AToastedKeyIsTakenFromTheOldKey) {
  EXPECT_EQ(RowsAfter(kOrders, {{"a long key", "v"}},
                      {UpdateKey(kOrders, {"a long key", nullptr}, {kUnchanged, "w"})}),
            "a long key,w\n");
}

TEST(StateTest, TruncateEmptiesEachTableNamed) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {{"1", "a"}}}, {kLog, {{"x", "y"}}}, {kEvents, {{"1"}}}});
  archive.Commit(200, {Truncate({kOrders, kLog}, kTruncateCascade), Insert(kOrders, {"1", "b"})});
  archive.Publish(300);
  const auto state = archive.Rebuild("latest");
  EXPECT_EQ(Rows(state, "orders"), "1,b\n");
  EXPECT_EQ(Rows(state, "log"), "");
  EXPECT_EQ(Rows(state, "events"), "1\n");
}

TEST(StateTest, OnlyTransactionsOfTheTargetCount) {
  ArchiveBuilder archive;
  archive.Commit(120, {Insert(kOrders, {"1", "in the snapshot"})});
  archive.Publish(140);
  archive.Snapshot(150, {{kOrders, {{"1", "in the snapshot"}}}});
  archive.Commit(150, {Insert(kOrders, {"2", "at the snapshot's LSN"})});
  archive.Commit(160, {Insert(kOrders, {"3", "c"})});
  archive.Publish(170);
  archive.Commit(180, {Insert(kOrders, {"4", "d"})});
  archive.Publish(200);
  EXPECT_EQ(Rows(archive.Rebuild("lsn:0/96"), "orders"), "1,in the snapshot\n");
  EXPECT_EQ(Rows(archive.Rebuild("lsn:0/A0"), "orders"),
            "1,in the snapshot\n2,at the snapshot's LSN\n");
  EXPECT_EQ(Rows(archive.Rebuild("lsn:0/B4"), "orders"),
            "1,in the snapshot\n2,at the snapshot's LSN\n3,c\n");
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "orders"),
            "1,in the snapshot\n2,at the snapshot's LSN\n3,c\n4,d\n");
}

TEST(StateTest, TheNewestSnapshotBeforeTheTargetIsUsed) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {{"1", "a"}}}});
  archive.Commit(200, {Update(kOrders, {"1", "b"})});
  archive.Publish(300);
  archive.Snapshot(250, {{kOrders, {{"1", "b, says the snapshot"}}}});
  EXPECT_EQ(Rows(archive.Rebuild("lsn:0/C8"), "orders"), "1,a\n");
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "orders"), "1,\"b, says the snapshot\"\n");
}

TEST(StateTest, WhatCannotBeIsCorruption) {
  const auto error = [](const ChangeSpec& change) {
    ArchiveBuilder archive;
    archive.Snapshot(150, {{kOrders, {{"1", "a"}}}, {kLog, {{"x", "y"}}}});
    archive.Commit(200, {Insert(kOrders, {"9", "z"}), change});
    archive.Publish(300);
    const auto state = archive.Rebuild("latest");
    return state ? Error{} : state.error();
  };
  for (const ChangeSpec& change :
       {Update(kOrders, {"2", "b"}), Delete(kOrders, {"2", nullptr}), Insert(kOrders, {"1", "b"}),
        UpdateKey(kOrders, {"9", nullptr}, {"1", "b"}), DeleteFull(kLog, {"x", "Y"}),
        Insert(kOrders, {"3", kUnchanged})}) {
    const Error found = error(change);
    EXPECT_EQ(found.kind, ErrorKind::kCorrupt);
    EXPECT_THAT(found.message, HasSubstr(change.relation->name));
    EXPECT_THAT(found.message, HasSubstr("0/C8"));
  }
  EXPECT_EQ(error(Insert(kOrders, {"3", ValueState::kBinary})).kind, ErrorKind::kUnsupported);
}

// It may have changed anything.
TEST(StateTest, NothingIsRebuiltPastAMessageOfAnUnknownType) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {{"1", "a"}}}});
  ChangeSpec raw;
  raw.operation = Operation::kRaw;
  raw.content = "z";
  archive.Commit(200, {Insert(kOrders, {"2", "b"})});
  archive.Commit(220, {raw});
  archive.Publish(300);
  EXPECT_EQ(Rows(archive.Rebuild("lsn:0/D2"), "orders"), "1,a\n2,b\n");
  const auto state = archive.Rebuild("latest");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().kind, ErrorKind::kUnsupported);
}

TEST(StateTest, TablesAreChosenByName) {
  ArchiveBuilder archive;
  Relation other = kOrders;
  other.oid = 999;
  other.schema = "other";
  archive.Snapshot(150, {{kOrders, {{"1", "a"}}}, {kLog, {}}, {other, {}}});
  archive.Commit(200, {Insert(kOrders, {"2", "b"}), Insert(kLog, {"x", "y"})});
  archive.Publish(300);
  const auto state = archive.Rebuild("latest", {"public.orders"});
  ASSERT_TRUE(state);
  EXPECT_EQ(state->tables.size(), 1U);
  EXPECT_EQ(Rows(state, "orders"), "1,a\n2,b\n");
  EXPECT_EQ(Rows(archive.Rebuild("latest", {"log"}), "log"), "x,y\n");
  EXPECT_EQ(archive.Rebuild("latest", {"log", "nowhere"}).error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(Rows(archive.Rebuild("latest", {"orders"}), "orders"), HasSubstr("more than one"));
}

TEST(StateTest, DotsInNamesKeepTablesApart) {
  Relation one = MakeRelation(1, "c", {"id*"});
  one.schema = "a.b";
  Relation other = MakeRelation(2, "b.c", {"id*"});
  other.schema = "a";
  ArchiveBuilder archive;
  archive.Snapshot(150, {{one, {{"1"}}}, {other, {{"2"}}}});
  const auto state = archive.Rebuild("latest");
  ASSERT_TRUE(state);
  ASSERT_EQ(state->tables.size(), 2U);
  EXPECT_NE(state->FindTable({"a.b", "c"}), nullptr);
  EXPECT_NE(state->FindTable({"a", "b.c"}), nullptr);
}

TEST(StateTest, ATableThatJoinedLaterIsNotMadeUp) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {{"1", "a"}}}});
  archive.Commit(200, {Insert(kLog, {"x", "y"}), Insert(kOrders, {"2", "b"})});
  archive.Publish(300);
  const auto state = archive.Rebuild("latest");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().kind, ErrorKind::kGap);
  EXPECT_THAT(state.error().message, HasSubstr("public.log"));
  EXPECT_EQ(Rows(archive.Rebuild("latest", {"orders"}), "orders"), "1,a\n2,b\n");
}

TEST(StateTest, ATableThatJoinedLaterIsKnownOnceItWasTruncated) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {}}});
  archive.Commit(200, {Insert(kLog, {"x", "y"}), Truncate({kLog}), Insert(kLog, {"z", "z"})});
  archive.Publish(300);
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "log"), "z,z\n");
}

TEST(StateTest, WhereAllTablesArePublishedANewTableIsNew) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {}}}, DefinitionOf({{kOrders}}, true));
  archive.Commit(200, {Define(DefinitionOf({{kOrders}, {kLog}}, true)), Insert(kLog, {"x", "y"})});
  archive.Publish(300);
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "log"), "x,y\n");
}

TEST(StateTest, DamagedSnapshotsAreRefused) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kOrders, {{"1", "a"}}}});
  archive.Snapshot(160, {{kOrders, {{"1", "b"}}}});
  const Catalog catalog = archive.ReadCatalog();
  const std::string part = catalog.snapshots.at(1).parts.at(0).name;
  const std::string other = catalog.snapshots.at(0).parts.at(0).name;
  auto store = OpenStore(archive.url());
  ASSERT_TRUE(store);
  ASSERT_TRUE((*store)->Remove(std::vector<std::string>{part}));
  EXPECT_EQ(archive.Rebuild("latest").error().kind, ErrorKind::kCorrupt);
  const auto bytes = GetObject(**store, other, 1 << 20);
  ASSERT_TRUE(bytes);
  ASSERT_TRUE(PutObject(store->get(), part, *bytes));
  EXPECT_EQ(archive.Rebuild("latest").error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace trunkline::test
