#include "replay/ddl_text.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

ConstraintDefinition Key(char type, const std::string& definition) {
  return {.name = "k", .type = type, .definition = definition, .columns = {}, .references = {}};
}

TEST(PlainKeyColumnsTest, TakesKeysThatAPlainUniqueIndexMakes) {
  EXPECT_EQ(PlainKeyColumns(Key('p', "PRIMARY KEY (id)")), "(id)");
  EXPECT_EQ(PlainKeyColumns(Key('u', "UNIQUE (a, \"B)\")")), "(a, \"B)\")");
}

TEST(PlainKeyColumnsTest, LeavesEveryOtherKeyAlone) {
  EXPECT_FALSE(PlainKeyColumns(Key('p', "PRIMARY KEY (id) DEFERRABLE")));
  EXPECT_FALSE(PlainKeyColumns(Key('p', "PRIMARY KEY (id) INCLUDE (b)")));
  EXPECT_FALSE(PlainKeyColumns(Key('u', "UNIQUE NULLS NOT DISTINCT (a)")));
  EXPECT_FALSE(PlainKeyColumns(Key('p', "PRIMARY KEY (id, during WITHOUT OVERLAPS)")));
}

TEST(WithoutOnlyTest, TakesOutTheKeywordAlone) {
  const auto without = [](const std::string& name, const std::string& definition) {
    return WithoutOnly({name, definition, false, false});
  };
  EXPECT_EQ(without("i", "CREATE INDEX i ON ONLY public.t USING btree (a)"),
            "CREATE INDEX i ON public.t USING btree (a)");
  EXPECT_EQ(without("a ON ONLY b", "CREATE INDEX \"a ON ONLY b\" ON ONLY public.t USING btree (a)"),
            "CREATE INDEX \"a ON ONLY b\" ON public.t USING btree (a)");
  EXPECT_EQ(without("i", "CREATE INDEX i ON public.t USING btree (a)"),
            "CREATE INDEX i ON public.t USING btree (a)");
}

TEST(CreateTableTest, BareHasNeitherGeneratedColumnsNorCollations) {
  const std::vector<ColumnText> columns = {
      {.name = "a", .type = "text", .collation = "pg_catalog.\"C\"", .not_null = true},
      {.name = "b", .type = "integer", .generated = "length(a)"}};
  EXPECT_EQ(CreateTable({"s", "t"}, columns, false, "", Detail::kAll),
            "CREATE TABLE \"s\".\"t\" (\n  \"a\" text COLLATE pg_catalog.\"C\" NOT NULL,\n"
            "  \"b\" integer GENERATED ALWAYS AS (length(a)) STORED)");
  EXPECT_EQ(CreateTable({"s", "t"}, columns, true, "LIST (a)", Detail::kBare),
            "CREATE UNLOGGED TABLE \"s\".\"t\" (\n  \"a\" text NOT NULL) PARTITION BY LIST (a)");
}

TEST(CreateTableTest, StoredHasNoVirtualColumns) {
  const std::vector<ColumnText> columns = {
      {.name = "a",
       .type = "text",
       .collation = "pg_catalog.\"C\"",
       .not_null = true,
       .not_null_name = "a is there"},
      {.name = "b", .type = "integer", .generated = "length(a)", .generated_virtual = true}};
  const std::string head =
      "CREATE TABLE \"s\".\"t\" (\n  \"a\" text COLLATE pg_catalog.\"C\" CONSTRAINT \"a is there\" "
      "NOT NULL,\n  \"b\" integer GENERATED ALWAYS AS (length(a)) ";
  EXPECT_EQ(CreateTable({"s", "t"}, columns, false, "", Detail::kAll), head + "VIRTUAL)");
  EXPECT_EQ(CreateTable({"s", "t"}, columns, false, "", Detail::kStored), head + "STORED)");
}

TEST(IsNotValidTest, OfWhatRowsMayBreak) {
  EXPECT_TRUE(IsNotValid("CHECK ((a > 0)) NOT VALID"));
  EXPECT_TRUE(IsNotValid("FOREIGN KEY (a) REFERENCES t(id) NOT ENFORCED"));
  EXPECT_FALSE(IsNotValid("CHECK ((a = 'NOT VALID'::text))"));
}

}  // namespace
}  // namespace trunkline
