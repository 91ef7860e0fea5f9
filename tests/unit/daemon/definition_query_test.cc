#include "daemon/definition_query.h"

#include <gtest/gtest.h>

#include <string>

#include "daemon/table_copier.h"

namespace trunkline {
namespace {

constexpr char kDocument[] = R"json({"format": 1, "tables": [
  {"oid": 100, "schema": "Odd", "name": "t", "kind": "r", "published": true,
   "replica_identity": "i", "key_columns": ["a"],
   "columns": [
     {"name": "a", "type_oid": 23, "type_modifier": -1, "stream_type": null, "generated": ""},
     {"name": "g", "type_oid": 23, "type_modifier": -1, "stream_type": null, "generated": "s"},
     {"name": "B c", "type_oid": 16500, "type_modifier": 14,
      "stream_type": {"schema": "public", "name": "species"}, "generated": ""}],
   "row_filter": "(a > 1)", "published_columns": null},
  {"oid": 200, "schema": "public", "name": "p", "kind": "p", "published": false,
   "replica_identity": "d", "key_columns": [],
   "columns": [
     {"name": "a", "type_oid": 23, "type_modifier": -1, "stream_type": null, "generated": ""},
     {"name": "g", "type_oid": 23, "type_modifier": -1, "stream_type": null, "generated": "s"}],
   "row_filter": null, "published_columns": ["g"]}]})json";

TEST(DefinitionTables, AreDescribedAsRelationMessagesWould) {
  const Result<DescribedTables> described = ParseDefinitionTables(kDocument);
  ASSERT_TRUE(described);
  EXPECT_EQ(described->document, kDocument);
  ASSERT_EQ(described->tables.size(), 2u);
  const DescribedTable& table = described->tables[0];
  Relation expected;
  expected.oid = 100;
  expected.schema = "Odd";
  expected.name = "t";
  expected.identity = ReplicaIdentity::kIndex;
  expected.columns = {{"a", 23, -1, true, "", ""}, {"B c", 16500, 14, false, "public", "species"}};
  EXPECT_EQ(table.relation, expected);
  EXPECT_TRUE(table.published);
  EXPECT_FALSE(table.partitioned);
  EXPECT_EQ(table.row_filter, "(a > 1)");
  EXPECT_TRUE(described->tables[1].partitioned);
}

TEST(DefinitionTables, PublishedColumnsDecideWhereTheyAreListed) {
  const Result<DescribedTables> described = ParseDefinitionTables(kDocument);
  ASSERT_EQ(described->tables[1].relation.columns.size(), 1u);
  EXPECT_EQ(described->tables[1].relation.columns[0].name, "g");
}

TEST(DefinitionTables, MalformedDocumentsAreErrors) {
  const std::string document = kDocument;
  EXPECT_FALSE(ParseDefinitionTables(""));
  EXPECT_FALSE(ParseDefinitionTables("[]"));
  EXPECT_FALSE(ParseDefinitionTables(document.substr(0, document.size() - 1)));
  std::string without_oid = document;
  without_oid.replace(without_oid.find("\"oid\""), 5, "\"old\"");
  EXPECT_FALSE(ParseDefinitionTables(without_oid));
  // What pg_get_constraintdef yields where the constraint was dropped meanwhile.
  const auto constrained = [&](const std::string& definition) {
    std::string with = document;
    return with.replace(with.find("\"columns\""), 0,
                        R"("constraints": [{"name": "k", "definition": )" + definition + "}], ");
  };
  EXPECT_TRUE(ParseDefinitionTables(constrained("\"PRIMARY KEY (a)\"")));
  EXPECT_FALSE(ParseDefinitionTables(constrained("null")));
}

TEST(TableCopier, CopiesPublishedColumnsAndRows) {
  const Result<DescribedTables> described = ParseDefinitionTables(kDocument);
  EXPECT_EQ(CopyCommand(described->tables[0]),
            "COPY (SELECT \"a\", \"B c\" FROM ONLY \"Odd\".\"t\" WHERE (a > 1)) TO STDOUT");
  EXPECT_EQ(CopyCommand(described->tables[1]),
            "COPY (SELECT \"g\" FROM \"public\".\"p\") TO STDOUT");
  EXPECT_EQ(CopyCommand(described->tables[0], {5, 9}),
            "COPY (SELECT \"a\", \"B c\" FROM ONLY \"Odd\".\"t\" WHERE ((a > 1)) "
            "AND ctid >= '(5,0)' AND ctid < '(9,0)') TO STDOUT");
  EXPECT_EQ(CopyCommand(described->tables[1], {0, 7}),
            "COPY (SELECT \"g\" FROM \"public\".\"p\" WHERE ctid < '(7,0)') TO STDOUT");
}

TEST(TableCopier, RangesMakeUpTheTableAndTheLastOneIsOpen) {
  EXPECT_EQ(SplitPages(25, 10, 20), (std::vector<PageRange>{{20, 0}}));
  EXPECT_EQ(SplitPages(25, 10, 30), (std::vector<PageRange>{{30, 0}}));
  using Ranges = std::vector<PageRange>;
  EXPECT_EQ(SplitPages(0, 10), (Ranges{{0, 0}}));
  EXPECT_EQ(SplitPages(10, 10), (Ranges{{0, 0}}));
  EXPECT_EQ(SplitPages(11, 10), (Ranges{{0, 10}, {10, 0}}));
  EXPECT_EQ(SplitPages(25, 10), (Ranges{{0, 10}, {10, 20}, {20, 0}}));
}

class CopyLine : public ::testing::Test {
 protected:
  bool Parse(std::string_view line, size_t columns) {
    tuple_.assign(columns, Value{});
    unescaped_.assign(columns, {});
    return ParseCopyLine(line, &tuple_, &unescaped_).has_value();
  }
  static Value Text(std::string_view bytes) { return {ValueState::kText, bytes}; }

  std::vector<Value> tuple_;
  std::vector<std::string> unescaped_;
};

TEST_F(CopyLine, NullEmptyAndEscapedValuesStayDistinct) {
  ASSERT_TRUE(Parse("1\t\\N\t\ta\\tb\t\\\\N\n", 5));
  EXPECT_EQ(tuple_, (std::vector<Value>{Text("1"), Value{}, Text(""), Text("a\tb"), Text("\\N")}));
}

TEST_F(CopyLine, OneEmptyColumnAndNoColumn) {
  ASSERT_TRUE(Parse("\n", 1));
  EXPECT_EQ(tuple_, std::vector<Value>{Text("")});
  EXPECT_TRUE(Parse("\n", 0));
  EXPECT_FALSE(Parse("x\n", 0));
}

TEST_F(CopyLine, AnotherNumberOfFieldsIsAnError) {
  EXPECT_FALSE(Parse("1\t2\n", 1));
  EXPECT_FALSE(Parse("1\t2\n", 3));
}

}  // namespace
}  // namespace trunkline
