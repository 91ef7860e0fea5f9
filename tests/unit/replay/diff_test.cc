#include "replay/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/diff_format.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const Relation kThings = MakeRelation(16384, "items", {"id*", "note"});
const Relation kCouples = MakeRelation(16385, "pairs", {"a", "b"}, ReplicaIdentity::kFull);

class DiffTest : public testing::Test {
 protected:
  DiffTest() {
    archive_.Snapshot(150, {{kThings, {{"1", "a"}, {"2", "it's"}, {"3", nullptr}}},
                            {kCouples, {{"x", "1"}, {"x", "1"}, {"y", "2"}}}});
  }

  std::string Diff(const std::string& format, const std::string& from, const std::string& to,
                   std::vector<std::string> tables = {}, bool summary = false) {
    std::string text;
    const Result<void> done = Run(format, from, to, std::move(tables), summary, &text);
    if (!done) error_ = done.error();
    return done ? text : done.error().ToString();
  }

  Result<void> Run(const std::string& format_name, const std::string& from, const std::string& to,
                   std::vector<std::string> tables, bool summary, std::string* text) {
    ASSIGN_OR_RETURN(const auto format, NewDiffFormat(format_name, summary));
    ASSIGN_OR_RETURN(const ResolvedTarget before, archive_.Resolve(from));
    ASSIGN_OR_RETURN(const ResolvedTarget after, archive_.Resolve(to));
    DiffOptions options;
    options.tables = std::move(tables);
    ASSIGN_OR_RETURN(
        const DatabaseDiff diff,
        DatabaseDiff::Make(archive_.store(), archive_.ReadCatalog(), before, after, options));
    const WriteText write = [&](std::string_view piece) {
      text->append(piece);
      return Result<void>();
    };
    TRY(format->Begin(write));
    TRY(diff.ForEachTable([&](const TableDiff& table) { return format->Add(table, write); }));
    return format->End(write);
  }

  ArchiveBuilder archive_;
  Error error_;
};

TEST_F(DiffTest, RowsByTheirKeyAndRowsWithoutOne) {
  archive_.Commit(200, {Update(kThings, {"1", "b"}), Delete(kThings, {"2", nullptr}),
                        Insert(kThings, {"10", ""}), DeleteFull(kCouples, {"x", "1"}),
                        Insert(kCouples, {nullptr, "2"})});
  archive_.Publish(300);
  EXPECT_EQ(Diff("text", "lsn:0/96", "latest"),
            "public.items changed id='1': note 'a' -> 'b'\n"
            "public.items added id='10' note=''\n"
            "public.items removed id='2' note='it''s'\n"
            "public.pairs removed a='x' b='1'\n"
            "public.pairs added a=null b='2'\n"
            "\n"
            "table         rows before  rows after  added  removed  changed\n"
            "public.items            3           3      1        1        1\n"
            "public.pairs            3           3      1        1        0\n");
  EXPECT_EQ(
      Diff("jsonl", "latest", "lsn:0/96", {"items"}),
      R"({"op":"changed","schema":"public","table":"items","key":{"id":"1"},"old":{"note":"b"},"new":{"note":"a"}}
{"op":"removed","schema":"public","table":"items","key":{"id":"10"},"old":{"id":"10","note":""}}
{"op":"added","schema":"public","table":"items","key":{"id":"2"},"new":{"id":"2","note":"it's"}}
{"op":"summary","schema":"public","table":"items","rows_before":3,"rows_after":3,"added":1,"removed":1,"changed":1}
)");
}

TEST_F(DiffTest, RowsThatCameBackAreNoDifference) {
  archive_.Commit(200, {Update(kThings, {"1", "b"}), DeleteFull(kCouples, {"x", "1"})});
  archive_.Commit(210, {Update(kThings, {"1", "a"}), Insert(kCouples, {"x", "1"})});
  archive_.Publish(300);
  EXPECT_THAT(Diff("text", "lsn:0/96", "latest"), testing::StartsWith("table "));
  EXPECT_THAT(Diff("jsonl", "xid:200", "xid:210", {}, true), HasSubstr(R"("added":1,"removed":0)"));
}

TEST_F(DiffTest, IntegersAreSortedByTheirValue) {
  Relation numbers = MakeRelation(16386, "numbers", {"n*"});
  numbers.columns[0].type_oid = 20;
  archive_.Snapshot(190, {{numbers, {{"10"}, {"-3"}, {"9"}, {"-20"}}}});
  archive_.Commit(200, {Truncate({numbers})});
  archive_.Publish(300);
  EXPECT_THAT(Diff("text", "lsn:0/BE", "latest"),
              HasSubstr("removed n=-20\npublic.numbers removed n=-3\npublic.numbers removed n=9\n"
                        "public.numbers removed n=10\n"));
}

TEST_F(DiffTest, ATableIsFollowedThroughItsDefinitions) {
  const Relation renamed = MakeRelation(16384, "goods", {"id*", "remark", "more"});
  const Relation made = MakeRelation(16390, "made", {"line"});
  archive_.Commit(
      200,
      {Define(DefinitionOf({{.relation = renamed, .missing = {{"more", "m"}}}, {.relation = made}},
                           true),
              Lsn{100}),
       Update(renamed, {"1", "b", "m"}), Insert(made, {"l"})});
  archive_.Publish(300);
  const std::string text = Diff("text", "lsn:0/96", "latest", {"items", "made", "pairs"});
  EXPECT_THAT(text, HasSubstr("public.goods changed id='1': remark 'a' -> 'b'\npublic.made added"));
  EXPECT_THAT(text, HasSubstr("renamed from public.items, column more added, "
                              "column remark renamed from note\n"));
  EXPECT_THAT(text, HasSubstr("  created\n"));
  EXPECT_THAT(text, HasSubstr("  dropped\n"));
  const std::string json = Diff("jsonl", "lsn:0/96", "latest", {"goods"});
  EXPECT_THAT(json,
              HasSubstr(R"("renamed_from":{"schema":"public","table":"items"},)"
                        R"("columns_added":["more"],"columns_renamed_from":{"remark":"note"}})"));
  EXPECT_THAT(json, Not(HasSubstr("made")));
  const std::string sql = Diff("sql", "lsn:0/96", "latest");
  EXPECT_THAT(sql, HasSubstr("-- table public.goods: rename it first, from public.items\n"));
  EXPECT_THAT(sql, HasSubstr("set \"remark\" = 'b' where \"id\" = '1';\n"));
  EXPECT_THAT(sql, HasSubstr("-- table public.pairs: is dropped, with its rows\ncommit;\n"));
}

TEST_F(DiffTest, CommandsRemoveFirstAndAddLast) {
  archive_.Commit(200, {Insert(kThings, {"0", "new"}), Update(kThings, {"1", "b"}),
                        Delete(kThings, {"2", nullptr})});
  archive_.Publish(300);
  const std::string sql = Diff("sql", "lsn:0/96", "latest");
  EXPECT_THAT(sql,
              HasSubstr("begin;\ndelete from only \"public\".\"items\" where \"id\" = '2';\n"
                        "update only \"public\".\"items\" set \"note\" = 'b' where \"id\" = '1';\n"
                        "insert into \"public\".\"items\""));
}

TEST_F(DiffTest, WhatCannotBe) {
  archive_.Commit(200, {Insert(kThings, {"0", "new"})});
  archive_.Publish(300);
  EXPECT_THAT(Diff("text", "lsn:0/96", "latest", {"items", "nothing"}),
              HasSubstr("no table \"nothing\" at"));
  EXPECT_EQ(error_.kind, ErrorKind::kNotFound);
  EXPECT_EQ(NewDiffFormat("undo", false).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(NewDiffFormat("sql", true).error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace trunkline::test
