#include "replay/log_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/log_filter.h"
#include "replay/log_names.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;

// A change to print; owns what it borrows.
class Printed {
 public:
  explicit Printed(ChangeSpec spec) : spec_(std::move(spec)) {
    for (const Cell& cell : spec_.old_row) old_.push_back({cell.state, cell.text});
    for (const Cell& cell : spec_.new_row) new_.push_back({cell.state, cell.text});
    for (const Relation& relation : spec_.truncated) truncated_.push_back(&relation);
    change_.operation = spec_.operation;
    change_.relation = spec_.relation ? &*spec_.relation : nullptr;
    change_.old_kind = spec_.old_kind;
    change_.old_tuple = old_;
    change_.new_tuple = new_;
    change_.truncated = truncated_;
    change_.truncate_flags = spec_.flags;
    change_.prefix = spec_.prefix;
    change_.content = spec_.content;
    change_.transactional = spec_.transactional;
  }
  Printed(const Printed&) = delete;
  Printed& operator=(const Printed&) = delete;

  const Change& change() const { return change_; }

 private:
  ChangeSpec spec_;
  std::vector<Value> old_;
  std::vector<Value> new_;
  std::vector<const Relation*> truncated_;
  Change change_;
};

std::string Print(const std::string& format_name, ChangeSpec spec) {
  auto format = NewLogFormat(format_name);
  EXPECT_TRUE(format);
  const Printed printed(std::move(spec));
  TransactionInfo transaction;
  transaction.xid = Xid{7};
  transaction.commit_lsn = Lsn{0x20};
  std::string out;
  const Result<void> added = (*format)->Add(transaction, printed.change(), &out);
  return added ? out : added.error().message;
}
std::string Text(ChangeSpec spec) { return Print("text", std::move(spec)); }
std::string AsJson(ChangeSpec spec) { return Print("jsonl", std::move(spec)); }
std::string Sql(ChangeSpec spec) { return Print("sql", std::move(spec)); }

Relation Typed(const std::vector<std::pair<std::string, uint32_t>>& columns) {
  Relation relation = MakeRelation(16384, "t", {});
  for (const auto& [name, type] : columns) {
    RelationColumn& column = relation.columns.emplace_back();
    column.name = name;
    column.type_oid = type;
  }
  if (!relation.columns.empty()) relation.columns[0].key = true;
  return relation;
}

const Relation kTable = Typed({{"id", 23}, {"note", 25}});

TEST(LogTextTest, RowChanges) {
  EXPECT_EQ(Text(Insert(kTable, {"1", "it's"})),
            "table public.t: INSERT: id[integer]:1 note[text]:'it''s'\n");
  EXPECT_EQ(Text(Insert(kTable, {"1", nullptr})),
            "table public.t: INSERT: id[integer]:1 note[text]:null\n");
  EXPECT_EQ(Text(Update(kTable, {"1", kUnchanged})),
            "table public.t: UPDATE: id[integer]:1 note[text]:unchanged-toast-datum\n");
  EXPECT_EQ(Text(UpdateKey(kTable, {"1", nullptr}, {"2", "x"})),
            "table public.t: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 "
            "note[text]:'x'\n");
  EXPECT_EQ(Text(Delete(kTable, {"1", nullptr})), "table public.t: DELETE: id[integer]:1\n");
}

TEST(LogTextTest, Literals) {
  const Relation relation = Typed({{"b", 16}, {"c", 16}, {"bits", 1560}, {"n", 1700}, {"a", 1007}});
  EXPECT_EQ(Text(Insert(relation, {"t", "f", "101", "1.50", "{1,2}"})),
            "table public.t: INSERT: b[boolean]:true c[boolean]:false bits[bit]:B'101' "
            "n[numeric]:1.50 a[integer[]]:'{1,2}'\n");
}

TEST(LogTextTest, NamesThatNeedQuotes) {
  Relation relation = Typed({{"Select", 18}, {"user", 19}, {"a b", 25}, {"year", 25}});
  relation.schema = "We ird";
  relation.name = "x\"y";
  EXPECT_EQ(Text(Insert(relation, {"a", "b", "c", "d"})),
            "table \"We ird\".\"x\"\"y\": INSERT: \"Select\"[\"char\"]:'a' \"user\"[name]:'b' "
            "\"a b\"[text]:'c' year[text]:'d'\n");
}

TEST(LogTextTest, TruncatesAndMessages) {
  EXPECT_EQ(Text(Truncate({kTable})), "table public.t: TRUNCATE: (no-flags)\n");
  EXPECT_EQ(Text(Truncate({kTable, kTable}, kTruncateCascade | kTruncateRestartIdentity)),
            "table public.t, public.t: TRUNCATE: restart_seqs cascade\n");
  EXPECT_EQ(Text(Message("p", "hello")),
            "message: transactional: 1 prefix: p, sz: 5 content:hello\n");
  EXPECT_EQ(Text(Define("{}")), "");
}

TEST(LogNamesTest, TypesThatAreNotBuiltIn) {
  RelationColumn column;
  column.type_oid = 16400;
  column.type_schema = "shop";
  column.type_name = "mood";
  TypeNames names;
  EXPECT_EQ(names.NameOf(column), "shop.mood");
  column.type_name = "_mood";
  EXPECT_EQ(names.NameOf(column), "shop.mood[]");
  Definition definition;
  definition.types.emplace_back();
  definition.types[0].oid = 16400;
  definition.types[0].name = {"shop", "Posint"};
  names.Learn(definition);
  EXPECT_EQ(names.NameOf(column), "shop.\"Posint\"") << "a domain, which goes by its base type";
}

TEST(LogNamesTest, BuiltInTypes) {
  EXPECT_EQ(BuiltinTypeName(16), "boolean");
  EXPECT_EQ(BuiltinTypeName(1184), "timestamp with time zone");
  EXPECT_EQ(BuiltinTypeName(1042), "character");
  EXPECT_EQ(BuiltinTypeName(0), "");
  EXPECT_EQ(BuiltinTypeName(16384), "");
}

TEST(LogJsonTest, RowChanges) {
  const std::string begin =
      "{\"lsn\":\"0/20\",\"xid\":7,\"commit_time\":\"2000-01-01 00:00:00+00\",\"op\":";
  const std::string table = ",\"schema\":\"public\",\"table\":\"t\"";
  EXPECT_EQ(AsJson(Insert(kTable, {"1", nullptr})),
            begin + "\"insert\"" + table + ",\"new\":{\"id\":\"1\",\"note\":null}}\n");
  EXPECT_EQ(AsJson(UpdateKey(kTable, {"1", nullptr}, {"2", kUnchanged})),
            begin + "\"update\"" + table +
                ",\"old\":{\"id\":\"1\"},\"new\":{\"id\":\"2\"},\"unchanged\":[\"note\"]}\n");
  EXPECT_EQ(AsJson(DeleteFull(kTable, {"1", nullptr})),
            begin + "\"delete\"" + table + ",\"old\":{\"id\":\"1\",\"note\":null}}\n");
  EXPECT_EQ(AsJson(Truncate({kTable}, kTruncateCascade)),
            begin +
                "\"truncate\",\"tables\":[{\"schema\":\"public\",\"table\":\"t\"}],"
                "\"cascade\":true,\"restart_identity\":false}\n");
}

TEST(LogJsonTest, StringsAreEscapedAndOtherBytesKept) {
  EXPECT_THAT(AsJson(Insert(kTable, {"1", "a\"\\\n\r\t\x01é新😀"})),
              HasSubstr("\"a\\\"\\\\\\n\\r\\t\\u0001é新😀\""));
  for (const char* bytes : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xe6\x96", "\xf5\x80\x80\x80"}) {
    EXPECT_THAT(AsJson(Insert(kTable, {"1", bytes})), HasSubstr("\"note\":{\"hex\":\""));
  }
  EXPECT_THAT(AsJson(Insert(kTable, {"1", "\xe6\x96"})), HasSubstr("{\"hex\":\"e696\"}"));
}

TEST(LogCsvTest, TuplesAreJson) {
  EXPECT_EQ(Print("csv", UpdateKey(kTable, {"1", nullptr}, {"2", "x"})),
            "0/20,7,2000-01-01 00:00:00+00,update,public,t,\"{\"\"id\"\":\"\"1\"\"}\","
            "\"{\"\"id\"\":\"\"2\"\",\"\"note\"\":\"\"x\"\"}\",\n");
  EXPECT_EQ(Print("csv", Truncate({kTable})),
            "0/20,7,2000-01-01 00:00:00+00,truncate,,,,,\"{\"\"tables\"\":[{\"\"schema\"\":"
            "\"\"public\"\",\"\"table\"\":\"\"t\"\"}],\"\"cascade\"\":false,\"\"restart_identity"
            "\"\":false}\"\n");
}

TEST(LogSqlTest, RowsByTheirKey) {
  EXPECT_EQ(Sql(Insert(kTable, {"1", "it's"})),
            R"(insert into "public"."t" ("id", "note") overriding system value )"
            "values ('1', 'it''s');\n");
  EXPECT_EQ(Sql(Update(kTable, {"1", nullptr})),
            "update \"public\".\"t\" set \"note\" = null where \"id\" = '1';\n");
  EXPECT_EQ(Sql(UpdateKey(kTable, {"1", nullptr}, {"2", kUnchanged})),
            "update \"public\".\"t\" set \"id\" = '2' where \"id\" = '1';\n");
  EXPECT_EQ(Sql(Delete(kTable, {"1", nullptr})),
            "delete from \"public\".\"t\" where \"id\" = '1';\n");
  EXPECT_EQ(Sql(Truncate({kTable}, kTruncateCascade | kTruncateRestartIdentity)),
            "truncate \"public\".\"t\" restart identity cascade;\n");
}

TEST(LogSqlTest, AnUpdateThatCanChangeNothingIsNone) {
  EXPECT_EQ(Sql(Update(kTable, {"1", kUnchanged})), "");
}

TEST(LogSqlTest, OneRowOfThoseThatAreEqual) {
  Relation full = kTable;
  full.identity = ReplicaIdentity::kFull;
  EXPECT_EQ(Sql(UpdateFull(full, {nullptr, "a"}, {nullptr, "b"})),
            "update \"public\".\"t\" set \"note\" = 'b' where (tableoid, ctid) in "
            "(select tableoid, ctid from \"public\".\"t\" where pg_catalog.num_nulls(\"id\") = 1 "
            "and pg_catalog.format('%s', \"note\") collate \"C\" = 'a' limit 1);\n");
  EXPECT_THAT(Sql(DeleteFull(full, {"1", ""})),
              HasSubstr("= '' and pg_catalog.num_nulls(\"note\") = 0 limit 1);"));
}

TEST(LogSqlTest, NoValueGoesOverTheEndOfALine) {
  EXPECT_THAT(Sql(Insert(kTable, {"1", "a\nb\r\\'"})), HasSubstr(R"(E'a\nb\r\\''');)"));
  EXPECT_THAT(Sql(Insert(kTable, {"1", "a\\b"})), HasSubstr(R"('a\b');)"));
  EXPECT_EQ(Sql(Message("p\nq", "x\ny")), "-- message with the prefix p q: E'x\\ny'\n");
}

TEST(LogSqlTest, WhatNoCommandSaysIsAnError) {
  EXPECT_THAT(Sql(Insert(kTable, {"1", ValueState::kBinary})), HasSubstr("binary"));
  Relation nothing = kTable;
  nothing.columns[0].key = false;
  EXPECT_THAT(Sql(Update(nothing, {"1", "a"})), HasSubstr("without the identity"));
  ChangeSpec raw;
  raw.operation = Operation::kRaw;
  EXPECT_THAT(Sql(raw), HasSubstr("does not know"));
}

TEST(LogSqlTest, ADefinitionTellsGeneratedColumnsAndPartitionedTables) {
  Definition definition;
  TableDefinition& table = definition.tables.emplace_back();
  table.oid = kTable.oid;
  table.columns.resize(1);
  table.columns[0].name = "note";
  table.columns[0].generated = "s";
  const auto format = NewLogFormat("sql");
  (*format)->Learn(definition);
  const Printed insert(Insert(kTable, {"1", "computed"}));
  const Printed remove(Delete(kTable, {"1", nullptr}));
  std::string out;
  ASSERT_TRUE((*format)->Add({}, insert.change(), &out));
  ASSERT_TRUE((*format)->Add({}, remove.change(), &out));
  EXPECT_EQ(out,
            "insert into \"public\".\"t\" (\"id\") overriding system value values ('1');\n"
            "delete from only \"public\".\"t\" where \"id\" = '1';\n");
  table.kind = 'p';
  (*format)->Learn(definition);
  out.clear();
  ASSERT_TRUE((*format)->Add({}, remove.change(), &out));
  EXPECT_THAT(out, HasSubstr("delete from \"public\""));
}

TEST(LogFormatTest, WhatIsNone) {
  EXPECT_EQ(NewLogFormat("morse").error().kind, ErrorKind::kInvalidArgument);
}

Result<bool> Matches(const std::string& table, std::optional<std::string> key, ChangeSpec spec) {
  ASSIGN_OR_RETURN(const LogFilter filter, LogFilter::Make(table, key));
  const Printed printed(std::move(spec));
  return filter.Matches(printed.change());
}

TEST(LogFilterTest, ByTable) {
  EXPECT_TRUE(*Matches("", {}, Message("p", "c")));
  EXPECT_TRUE(*Matches("t", {}, Insert(kTable, {"1", "a"})));
  EXPECT_TRUE(*Matches("public.t", {}, Truncate({kTable})));
  EXPECT_FALSE(*Matches("other.t", {}, Insert(kTable, {"1", "a"})));
  EXPECT_FALSE(*Matches("t", {}, Message("p", "c")));
}

TEST(LogFilterTest, ByKey) {
  EXPECT_TRUE(*Matches("t", "1", Insert(kTable, {"1", "a"})));
  EXPECT_FALSE(*Matches("t", "1", Insert(kTable, {"11", "1"})));
  EXPECT_TRUE(*Matches("t", "1", UpdateKey(kTable, {"1", nullptr}, {"2", "a"})));
  EXPECT_TRUE(*Matches("t", "2", UpdateKey(kTable, {"1", nullptr}, {"2", "a"})));
  EXPECT_TRUE(*Matches("t", "3", Truncate({kTable})));
  Relation pair = MakeRelation(1, "pair", {"v", "x*", "y*"});
  EXPECT_TRUE(*Matches("pair", "\"a,\"\"b\",2", Insert(pair, {"v", "a,\"b", "2"})));
  EXPECT_FALSE(*Matches("pair", "a,2", Insert(pair, {"v", "a", "3"})));
}

TEST(LogFilterTest, KeysThatCannotBe) {
  EXPECT_EQ(LogFilter::Make("", "1").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(LogFilter::Make("t", "\"1").error().kind, ErrorKind::kInvalidArgument);
  const auto wide = Matches("t", "1,2", Insert(kTable, {"1", "a"}));
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace trunkline::test
