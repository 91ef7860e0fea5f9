#include "replay/log_undo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/reversed_records.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Relation kGoods = MakeRelation(16384, "goods", {"id*", "note"});
const Relation kTwins = MakeRelation(16385, "twins", {"a", "b"}, ReplicaIdentity::kFull);
const Relation kNotes = MakeRelation(16386, "notes", {"line"}, ReplicaIdentity::kNothing);

class LogUndoTest : public testing::Test {
 protected:
  LogUndoTest() {
    archive_.Snapshot(
        150, {{kGoods, {{"1", "one"}, {"2", nullptr}}}, {kTwins, {{"x", "y"}}}, {kNotes, {}}});
  }

  // The commands alone, without what is the same for all.
  std::string Undo(const std::string& from = "", const std::string& table = "",
                   std::optional<std::string> key = {}) {
    Result<UndoOutcome> outcome = Run(from, table, std::move(key));
    if (!outcome) {
      error_ = outcome.error();
      return outcome.error().ToString();
    }
    warnings_ = outcome->warnings;
    return text_.substr(text_.find('\n') + 1);
  }

  Result<UndoOutcome> Run(const std::string& from, const std::string& table,
                          std::optional<std::string> key) {
    ASSIGN_OR_RETURN(const LogFilter filter, LogFilter::Make(table, key));
    UndoOptions options;
    if (!from.empty()) {
      ASSIGN_OR_RETURN(options.from, ParseTarget(from));
    }
    options.table = table;
    options.scratch_folder = archive_.folder();
    text_.clear();
    return WriteUndo(archive_.store(), archive_.ReadCatalog(), filter, options,
                     [this](std::string_view piece) {
                       text_ += piece;
                       return Result<void>();
                     });
  }

  ArchiveBuilder archive_;
  std::string text_;
  Error error_;
  std::vector<std::string> warnings_;
};

TEST_F(LogUndoTest, TheNewestChangeComesFirst) {
  archive_.Commit(200, {Insert(kGoods, {"3", "three"}), Update(kGoods, {"1", "it's"})});
  archive_.Commit(210, {});
  archive_.Commit(220, {UpdateKey(kGoods, {"2", nullptr}, {"4", kUnchanged}),
                        Delete(kGoods, {"1", nullptr}), Update(kGoods, {"3", "three"})});
  archive_.Publish(300);
  EXPECT_EQ(Undo(),
            "begin; -- xid 220, commit LSN 0/DC, 2000-01-01 00:03:40+00\n"
            "insert into \"public\".\"goods\" (\"id\", \"note\") overriding system value values "
            "('1', 'it''s');\n"
            "update only \"public\".\"goods\" set \"id\" = '2' where \"id\" = '4';\n"
            "commit; -- xid 220\n"
            "begin; -- xid 200, commit LSN 0/C8, 2000-01-01 00:03:20+00\n"
            "update only \"public\".\"goods\" set \"note\" = 'one' where \"id\" = '1';\n"
            "delete from only \"public\".\"goods\" where \"id\" = '3';\n"
            "commit; -- xid 200\n");
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(LogUndoTest, OneOfEqualRowsIsFoundByAllOfIt) {
  archive_.Commit(200, {UpdateFull(kTwins, {"x", "y"}, {"x", nullptr}), Insert(kNotes, {"n"})});
  archive_.Publish(300);
  const std::string undo = Undo();
  EXPECT_THAT(undo,
              HasSubstr("delete from only \"public\".\"notes\" where (tableoid, ctid) in (select"));
  EXPECT_THAT(undo,
              HasSubstr("update only \"public\".\"twins\" set \"b\" = 'y' where (tableoid, ctid)"));
  EXPECT_THAT(undo, HasSubstr("pg_catalog.num_nulls(\"b\") = 1 limit 1);\n"));
}

TEST_F(LogUndoTest, ATruncateGivesTheRowsBackThatItRemoved) {
  archive_.Commit(200, {Update(kGoods, {"1", "changed"}), Truncate({kGoods, kNotes})});
  archive_.Publish(300);
  const std::string all = Undo();
  EXPECT_THAT(all, HasSubstr("values ('2', null);\n"));
  EXPECT_THAT(all, HasSubstr("values ('1', 'changed');\n"));
  EXPECT_THAT(Undo("", "goods", "1"), Not(HasSubstr("'2'")));
}

TEST_F(LogUndoTest, OnlyWhatIsAskedFor) {
  archive_.Commit(200, {Update(kGoods, {"1", "a"}), Insert(kNotes, {"n"})});
  archive_.Commit(210, {Update(kGoods, {"2", "b"})});
  archive_.Publish(300);
  EXPECT_THAT(Undo("", "notes"), Not(HasSubstr("goods")));
  EXPECT_THAT(Undo("", "goods", "2"), Not(HasSubstr("\"id\" = '1'")));
  EXPECT_THAT(Undo("xid:200"), Not(HasSubstr("xid 200")));
  EXPECT_THAT(Undo("before:xid:210"), Not(HasSubstr("xid 200")));
  EXPECT_THAT(Undo("", "nothing"), HasSubstr("knows no table"));
  EXPECT_EQ(Undo("latest"), "");
}

TEST_F(LogUndoTest, ARangeThatCannotBeRebuilt) {
  archive_.Commit(200, {Update(kGoods, {"1", "a"})});
  archive_.Publish(300);
  EXPECT_THAT(Undo("lsn:0/95"), HasSubstr("first base snapshot"));
  archive_.Gap(400);
  EXPECT_THAT(Undo(), HasSubstr("0/12C"));
  EXPECT_EQ(error_.kind, ErrorKind::kGap);
}

TEST_F(LogUndoTest, ADefinitionThatChangedAfterChangesIsRefused) {
  Relation wider = MakeRelation(16384, "goods", {"id*", "note", "more"});
  archive_.Commit(200, {Update(kGoods, {"1", "a"})});
  archive_.Commit(
      210, {Define(DefinitionOf({{.relation = wider}, {.relation = kTwins}, {.relation = kNotes}})),
            Insert(kNotes, {"n"})});
  archive_.Commit(220, {Insert(wider, {"5", "e", "m"})});
  archive_.Publish(300);
  EXPECT_THAT(Undo(),
              HasSubstr("table public.goods at LSN 0/DC: the table public.goods or a type"));
  EXPECT_EQ(error_.kind, ErrorKind::kUnsupported);
  EXPECT_EQ(text_, "") << "of what fails nothing is seen";
  EXPECT_THAT(Undo("", "notes"), HasSubstr("\"notes\""));
  EXPECT_THAT(Undo("xid:200"),
              HasSubstr("delete from only \"public\".\"goods\" where \"id\" = '5'"));
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("public.goods was defined otherwise at LSN 0/D2")));
}

TEST_F(LogUndoTest, ATableThatIsGoneInTheEndIsRefused) {
  archive_.Commit(200, {Update(kGoods, {"1", "a"})});
  archive_.Commit(210,
                  {Define(DefinitionOf({{.relation = kTwins}, {.relation = kNotes}}), Lsn{100}),
                   Insert(kNotes, {"n"})});
  archive_.Publish(300);
  EXPECT_THAT(Undo(), HasSubstr("public.goods was dropped or left the publication"));
  EXPECT_THAT(Undo("xid:200"), HasSubstr("\"notes\""));
}

TEST(ReversedRecordsTest, TheNewestComesFirstHoweverLongItIs) {
  for (const uint64_t memory : {0, 100'000, 10'000'000}) {
    ReversedRecords records(memory, "/tmp");
    std::string expected;
    for (int i = 0; i < 300; ++i) {
      const std::string record(static_cast<size_t>(i % 50 == 0 ? i * 1000 : i),
                               static_cast<char>('a' + i % 26));
      ASSERT_TRUE(records.Append(record));
      expected.insert(0, record);
    }
    std::string read;
    size_t longest = 0;
    ASSERT_TRUE(records.ForEach([&](std::string_view piece) {
      longest = std::max(longest, piece.size());
      read += piece;
      return Result<void>();
    }));
    EXPECT_TRUE(read == expected) << memory;
    EXPECT_LE(longest, 64U << 10);
  }
}

}  // namespace
}  // namespace trunkline::test
