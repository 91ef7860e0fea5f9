// The versions of a row, with and without an index.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "replay/history_format.h"
#include "replay/history_query.h"
#include "replay/index_builder.h"
#include "replay/index_reader.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Asked {
  std::string table = "t";
  std::string key = "1";
  uint64_t from = 0;   // 0: the first snapshot
  uint64_t until = 0;  // 0: the archive's end
  std::string format = "text";
};

Result<HistoryAnswer> AskHistory(const ArchiveBuilder& archive, const Asked& asked,
                                 const IndexReader* index = nullptr) {
  const Catalog catalog = archive.ReadCatalog();
  HistoryRequest request;
  request.table = asked.table;
  request.key = asked.key;
  ASSIGN_OR_RETURN(request.from, FirstStateOf(catalog));
  if (asked.from != 0) request.from = Lsn{asked.from};
  request.until = asked.until == 0 ? catalog.end() : Lsn{asked.until};
  return ReadHistory(archive.store(), catalog, request, index);
}

// As the command prints it; the error's message where there is one.
std::string Told(const Result<HistoryAnswer>& answer, const std::string& format = "text") {
  if (!answer) return answer.error().message;
  std::string out;
  for (size_t i = 0; i < answer->lives.size(); ++i) {
    const RowVersion* before = nullptr;
    for (const RowVersion& version : answer->lives[i]) {
      (*NewHistoryFormat(format))->Add(i + 1, before, version, &out);
      before = &version;
    }
  }
  for (const TableDoubt& doubt : answer->doubts) {
    out += "doubt " + doubt.from.ToString() + " " + doubt.until.value_or(Lsn{}).ToString() + "\n";
  }
  return out;
}

std::string HistoryOf(const ArchiveBuilder& archive, const Asked& asked) {
  return Told(AskHistory(archive, asked), asked.format);
}

const Relation kHistoryTable = MakeRelation(1, "t", {"id*", "v"});

// A row is made, changed, given another key and the first one back; another one follows.
void FillWithMoves(ArchiveBuilder* archive) {
  archive->Snapshot(150, {{kHistoryTable, {{"1", "a"}, {"2", "b"}}}});
  archive->Commit(200, {Update(kHistoryTable, {"1", "it's"})});
  archive->Commit(300, {UpdateKey(kHistoryTable, {"1", nullptr}, {"5", kUnchanged})});
  archive->Publish(400);
  archive->Commit(400, {Update(kHistoryTable, {"5", nullptr}), Update(kHistoryTable, {"2", "c"})});
  archive->Commit(500, {UpdateKey(kHistoryTable, {"5", nullptr}, {"1", ""})});
  archive->Commit(600, {Delete(kHistoryTable, {"1", nullptr})});
  archive->Commit(700, {Insert(kHistoryTable, {"1", "new"})});
  archive->Publish(800);
}

TEST(HistoryTest, EachVersionAndWhatItChanges) {
  ArchiveBuilder archive;
  FillWithMoves(&archive);
  EXPECT_EQ(HistoryOf(archive, {}),
            "lsn 0/96: snapshot\n"
            "  id: '1'\n"
            "  v: 'a'\n"
            "2000-01-01 00:03:20+00 lsn 0/C8 xid 200: update\n"
            "  v: 'a' -> 'it''s'\n"
            "2000-01-01 00:05:00+00 lsn 0/12C xid 300: update, key changed from ('1')\n"
            "  id: '1' -> '5'\n"
            "2000-01-01 00:06:40+00 lsn 0/190 xid 400: update\n"
            "  v: 'it''s' -> null\n"
            "2000-01-01 00:08:20+00 lsn 0/1F4 xid 500: update, key changed from ('5')\n"
            "  id: '5' -> '1'\n"
            "  v: null -> ''\n"
            "2000-01-01 00:10:00+00 lsn 0/258 xid 600: delete\n"
            "\n"
            "2000-01-01 00:11:40+00 lsn 0/2BC xid 700: insert\n"
            "  id: '1'\n"
            "  v: 'new'\n");
}

TEST(HistoryTest, ARowIsFollowedWhereverItsKeyLeads) {
  ArchiveBuilder archive;
  FillWithMoves(&archive);
  const std::string by_one = HistoryOf(archive, {.key = "1"});
  const std::string by_five = HistoryOf(archive, {.key = "5"});
  EXPECT_TRUE(by_one.starts_with(by_five));  // which is of the first row alone
  EXPECT_THAT(by_five, AllOf(HasSubstr("snapshot"), HasSubstr("delete")));
  EXPECT_EQ(HistoryOf(archive, {.key = "9"}), "");
}

// A table of which pages were copied at 200, and the rest with what had changed at 250.
TEST(HistoryTest, ASnapshotInPartsCountsAsAWhole) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kHistoryTable, {{"1", "a"}, {"2", "b"}, {"3", "c"}, {"5", "e"}}}});
  const SnapshotPart pages =
      archive.Pages(200, {kHistoryTable, {{"1", "a"}, {"3", "c"}, {"5", "e"}}}, 0);
  archive.Commit(210, {Update(kHistoryTable, {"3", "cc"}), Insert(kHistoryTable, {"4", "d"})});
  archive.Commit(220, {UpdateKey(kHistoryTable, {"5", nullptr}, {"9", kUnchanged})});
  archive.Publish(240);
  archive.TableSnapshotWith(250, {kHistoryTable, {{"2", "b"}, {"3", "cc"}, {"4", "d"}, {"9", "e"}}},
                            {pages});
  archive.Commit(260, {Delete(kHistoryTable, {"1", nullptr})});
  archive.Publish(300);
  const std::string gone = "2000-01-01 00:04:20+00 lsn 0/104 xid 260: delete\n";
  const std::string one = "  id: '1'\n  v: 'a'\n";
  EXPECT_EQ(HistoryOf(archive, {.key = "1"}), "lsn 0/96: snapshot\n" + one + gone);
  EXPECT_EQ(HistoryOf(archive, {.key = "1", .from = 250}), "lsn 0/FA: snapshot\n" + one + gone);
  EXPECT_EQ(HistoryOf(archive, {.key = "3", .from = 250}),
            "lsn 0/FA: snapshot\n  id: '3'\n  v: 'cc'\n");
  EXPECT_EQ(HistoryOf(archive, {.key = "5", .from = 250}), "");
  EXPECT_EQ(HistoryOf(archive, {.key = "9", .from = 250}),
            "lsn 0/FA: snapshot\n  id: '9'\n  v: 'e'\n");
}

TEST(HistoryTest, OfARangeTheVersionInForceAndWhatFollows) {
  ArchiveBuilder archive;
  FillWithMoves(&archive);
  EXPECT_EQ(HistoryOf(archive, {.key = "5", .from = 350, .until = 450}),
            "2000-01-01 00:05:00+00 lsn 0/12C xid 300: update\n"
            "  id: '5'\n"
            "  v: 'it''s'\n"
            "2000-01-01 00:06:40+00 lsn 0/190 xid 400: update\n"
            "  v: 'it''s' -> null\n");
  EXPECT_EQ(HistoryOf(archive, {.key = "1", .from = 350, .until = 450}), "");
  EXPECT_THAT(HistoryOf(archive, {.key = "5", .from = 450, .until = 450}),
              HasSubstr("xid 400: up"));
}

TEST(HistoryTest, JsonHasAllOfIt) {
  ArchiveBuilder archive;
  FillWithMoves(&archive);
  EXPECT_EQ(HistoryOf(archive, {.from = 450, .until = 650, .format = "jsonl"}),
            R"({"row":1,"op":"update","lsn":"0/190","xid":400,"commit_time":)"
            R"("2000-01-01 00:06:40+00","schema":"public","table":"t","key":{"id":"5"},)"
            R"("values":{"id":"5","v":null}})"
            "\n"
            R"({"row":1,"op":"update","lsn":"0/1F4","xid":500,"commit_time":)"
            R"("2000-01-01 00:08:20+00","schema":"public","table":"t","key":{"id":"1"},)"
            R"("key_before":{"id":"5"},"changed":{"id":{"old":"5","new":"1"},)"
            R"("v":{"old":null,"new":""}},"values":{"id":"1","v":""}})"
            "\n"
            R"({"row":1,"op":"delete","lsn":"0/258","xid":600,"commit_time":)"
            R"("2000-01-01 00:10:00+00","schema":"public","table":"t","key":{"id":"1"},)"
            R"("values":null})"
            "\n");
}

TEST(HistoryTest, TruncatesTablesRenamedAndColumnsThatComeAndGo) {
  const Relation renamed = MakeRelation(1, "u", {"id*", "w", "n"});
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kHistoryTable, {{"1", "a"}}}});
  archive.Commit(200, {Define(DefinitionOf({{.relation = renamed, .missing = {{"n", "7"}}}})),
                       Insert(renamed, {"2", "b", "8"})});
  archive.Commit(300, {Truncate({renamed})});
  archive.Publish(400);
  const std::string told =
      "lsn 0/96: snapshot\n"
      "  id: '1'\n"
      "  v: 'a'\n"
      "2000-01-01 00:03:20+00 lsn 0/C8 xid 200: definition, table renamed from public.t to "
      "public.u\n"
      "  w (was v): 'a'\n"
      "  n added: '7'\n"
      "2000-01-01 00:05:00+00 lsn 0/12C xid 300: truncate\n";
  EXPECT_EQ(HistoryOf(archive, {.table = "public.u"}), told);
  EXPECT_EQ(HistoryOf(archive, {.table = "t"}), told);  // as it was called before
}

// Rows cannot be told from where a table joins until its own snapshot.
TEST(HistoryTest, DoubtIsSaid) {
  const Relation late = MakeRelation(2, "late", {"id*", "v"});
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kHistoryTable, {}}});
  archive.Commit(200, {Update(late, {"1", "a"})});
  archive.Commit(300, {Update(late, {"1", kUnchanged}), Insert(late, {"2", "b"})});
  archive.Publish(400);
  archive.TableSnapshots(400, {{late, {{"1", "x"}, {"3", "c"}}}});
  archive.Commit(500, {Delete(late, {"3", nullptr})});
  archive.Publish(600);
  const std::string doubt = "doubt 0/C8 0/190\n";
  EXPECT_THAT(HistoryOf(archive, {.table = "late"}),
              AllOf(HasSubstr("xid 200: update\n  id: '1'\n"),
                    HasSubstr("xid 300: update\nlsn 0/190: snapshot\n  v: 'a' -> 'x'\n"),
                    HasSubstr(doubt)));
  EXPECT_THAT(HistoryOf(archive, {.table = "late", .key = "2"}),
              HasSubstr("lsn 0/190: snapshot, which does not have the row\n" + doubt));
  EXPECT_EQ(HistoryOf(archive, {.table = "late", .key = "3", .from = 400}),
            "lsn 0/190: snapshot\n  id: '3'\n  v: 'c'\n"
            "2000-01-01 00:08:20+00 lsn 0/1F4 xid 500: delete\n");
}

TEST(HistoryTest, UnderReplicaIdentityFullThePrimaryKeyTellsRowsApart) {
  const Relation full = MakeRelation(1, "t", {"id", "v"}, ReplicaIdentity::kFull);
  auto json = nlohmann::json::parse(DefinitionOf({{.relation = full}}));
  const std::string without = json.dump();
  json["tables"][0]["constraints"].push_back({{"name", "t_pkey"},
                                              {"type", "p"},
                                              {"definition", "PRIMARY KEY (id)"},
                                              {"columns", {"id"}},
                                              {"references", nullptr}});
  ArchiveBuilder archive;
  archive.Snapshot(150, {{full, {{"1", "a"}}}}, json.dump());
  archive.Commit(200, {UpdateFull(full, {"1", "a"}, {"2", "b"})});
  archive.Publish(300);
  EXPECT_THAT(HistoryOf(archive, {.key = "2"}),
              AllOf(HasSubstr("0/96: snapshot"), HasSubstr("key changed from ('1')")));
  archive.Commit(300, {Define(without), UpdateFull(full, {"2", "b"}, {"2", "c"})});
  archive.Publish(400);
  EXPECT_THAT(HistoryOf(archive, {.key = "2"}), HasSubstr("no key that tells its rows apart"));
  EXPECT_THAT(HistoryOf(archive, {.key = "2", .until = 300}), HasSubstr("key changed from ('1')"));
}

TEST(HistoryTest, WhatIsAskedWrongly) {
  Relation numbers = MakeRelation(2, "numbers", {"a*", "b*"}, ReplicaIdentity::kIndex);
  numbers.columns[0].type_oid = 23;
  Relation other = MakeRelation(3, "t", {"id*"});
  other.schema = "elsewhere";
  const Relation rows = MakeRelation(4, "log", {"a"}, ReplicaIdentity::kNothing);
  ArchiveBuilder archive;
  archive.Snapshot(150, {{kHistoryTable, {}}, {numbers, {{"7", "x"}}}, {other, {}}, {rows, {}}});
  archive.Publish(200);
  const Result<HistoryAnswer> arity = AskHistory(archive, {.table = "numbers", .key = "1"});
  ASSERT_FALSE(arity);
  EXPECT_EQ(arity.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(arity.error().message, HasSubstr("is 2 columns: \"a\", \"b\""));
  EXPECT_THAT(HistoryOf(archive, {.table = "numbers", .key = "abc,x"}),
              HasSubstr("value 1 of --key cannot be of the type integer"));
  EXPECT_THAT(HistoryOf(archive, {.table = "numbers", .key = "3000000000,x"}),
              HasSubstr("cannot be of the type integer"));
  EXPECT_THAT(HistoryOf(archive, {.table = "numbers", .key = "+007,x"}), HasSubstr("a: 7\n"));
  EXPECT_THAT(HistoryOf(archive, {}), HasSubstr("more than one schema has a table \"t\""));
  EXPECT_EQ(HistoryOf(archive, {.table = "elsewhere.t"}), "");
  EXPECT_THAT(HistoryOf(archive, {.table = "nothing"}), HasSubstr("knows no table \"nothing\""));
  EXPECT_THAT(HistoryOf(archive, {.table = "log"}), HasSubstr("no key that tells its rows apart"));
}

TEST(HistoryTest, AGapOrAnotherKeyInBetweenIsAnError) {
  ArchiveBuilder archive;
  FillWithMoves(&archive);
  archive.Gap(900);
  archive.Snapshot(950, {{kHistoryTable, {{"1", "z"}}}});
  archive.Commit(960, {Update(kHistoryTable, {"1", "y"})});
  archive.Publish(1000);
  const Result<HistoryAnswer> gap = AskHistory(archive, {});
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().kind, ErrorKind::kGap);
  EXPECT_THAT(gap.error().message, HasSubstr("0/320 to 0/384"));
  EXPECT_THAT(HistoryOf(archive, {.from = 950}), HasSubstr("lsn 0/3B6: snapshot"));

  const Relation by_value = MakeRelation(1, "t", {"id", "v*"});
  archive.Commit(1000,
                 {Define(DefinitionOf({{.relation = by_value}})), Update(by_value, {"2", "y"})});
  archive.Publish(1100);
  const Result<HistoryAnswer> rekeyed = AskHistory(archive, {.key = "y", .from = 950});
  ASSERT_FALSE(rekeyed);
  EXPECT_EQ(rekeyed.error().kind, ErrorKind::kUnsupported);
}

TEST(HistoryTest, ReadsJustTheBlocksThatMayHoldTheKey) {
  const Relation other = MakeRelation(2, "other", {"id*", "v"});
  ArchiveBuilder archive;
  std::vector<Row> rows;
  for (int i = 0; i < 30; ++i) rows.push_back({std::to_string(i), "a"});
  archive.Snapshot(150, {{kHistoryTable, rows}, {other, {{"1", "a"}}}});
  uint64_t lsn = 200;
  for (int i = 0; i < 30; ++i, lsn += 8) {
    archive.Commit(lsn, {Update(kHistoryTable, {std::to_string(i), "b"}), Update(other, {"1", "b"}),
                         Update(other, {"1", "c"})});
  }
  archive.Publish(lsn);
  const Result<HistoryAnswer> answer = AskHistory(archive, {.key = "13"});
  ASSERT_TRUE(answer) << answer.error().ToString();
  EXPECT_EQ(answer->lives.at(0).size(), 2U);
  EXPECT_EQ(answer->counts.blocks, 2U);  // of 10 in the snapshot's part, and of 30
  EXPECT_EQ(answer->counts.skipped, 38U);
  EXPECT_EQ(answer->counts.segments, 2U);
}

}  // namespace
}  // namespace trunkline::test
