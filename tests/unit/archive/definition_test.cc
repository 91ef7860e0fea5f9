#include "archive/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A document with a value for everything that may be null.
constexpr char kDocument[] = R"json({
  "format": 1, "server_version": 150018, "a later member": [1],
  "database": {"name": "shop", "encoding": "UTF8", "collate": "C", "ctype": "C.UTF-8"},
  "schemas": ["public"], "extensions": [{"name": "citext", "schema": "public"}],
  "types": [
    {"oid": 1, "schema": "public", "name": "e", "kind": "enum", "labels": ["a", "b"]},
    {"oid": 2, "schema": "public", "name": "d", "kind": "domain", "base": "text",
     "collation": "pg_catalog.\"C\"", "default": "'x'::text", "not_null": true,
     "constraints": [{"name": "c", "definition": "CHECK ((VALUE <> ''::text))"}]},
    {"oid": 3, "schema": "public", "name": "c", "kind": "composite",
     "attributes": [{"name": "f", "type": "text", "collation": "pg_catalog.\"C\""}]},
    {"oid": 4, "schema": "public", "name": "r", "kind": "range", "subtype": "numeric",
     "multirange": "rs"}],
  "tables": [{"oid": 4294967295, "schema": "public", "name": "t", "kind": "p", "published": true,
    "persistence": "u", "replica_identity": "i", "key_columns": ["id"],
    "partition_key": "RANGE (id)",
    "parent": {"schema": "public", "name": "above", "bound": "DEFAULT"},
    "columns": [{"attnum": 1, "name": "id", "type": "bigint", "type_oid": 20, "type_modifier": -1,
      "collation": null, "not_null": true, "default": null, "identity": "a", "generated": "",
      "missing": "7"}],
    "row_filter": "(id > 0)", "published_columns": ["id"],
    "constraints": [{"name": "f", "type": "f", "definition": "FOREIGN KEY (id) REFERENCES public.o(id)",
                     "columns": ["id"], "references": {"schema": "public", "name": "o"}}],
    "indexes": [{"name": "i", "definition": "CREATE INDEX i ON public.t USING btree (id)",
                 "replica_identity": true, "clustered": false}],
    "sequences": [{"schema": "public", "name": "s", "column": "id", "type": "bigint", "start": 1,
                   "increment": "-1", "min": -9223372036854775808, "max": 9223372036854775807,
                   "cache": 1, "cycle": true}]}]})json";

TEST(DefinitionTest, WritesWhatItReads) {
  for (const std::string& document :
       {std::string(kDocument), std::string(R"({"snapshot": "1:2:", "format": 1, "publication": "p",
         "server_version": 140000, "database": {"name": "a\"b", "encoding": "UTF8", "collate": "C",
         "ctype": "C", "provider": "i", "locale": "en", "icu_rules": null}, "all_tables": true,
         "schemas": [], "extensions": [], "types": [], "tables": [{"oid": 1, "schema": "s",
         "name": "ü\n", "kind": "r", "published": false, "persistence": "p",
         "replica_identity": "f", "key_columns": [], "partition_key": null, "parent": null,
         "columns": [{"attnum": 3, "name": "c", "since": 4294967295, "type": "s.e",
         "type_oid": 17000, "type_modifier": 8, "collation": null, "not_null": false,
         "not_null_name": "n", "stream_type": {"schema": "s", "name": "e"}, "default": "'x'",
         "identity": "", "generated": "s", "missing": null}], "row_filter": null,
         "published_columns": null, "constraints": [], "indexes": [], "sequences": []}]})")}) {
    const auto read = ParseDefinition(document);
    ASSERT_TRUE(read) << read.error().ToString();
    const std::string written = FormatDefinition(*read);
    const auto again = ParseDefinition(written);
    ASSERT_TRUE(again) << again.error().ToString() << written;
    EXPECT_EQ(again->tables, read->tables);
    EXPECT_EQ(again->types, read->types);
    EXPECT_EQ(again->extensions, read->extensions);
    EXPECT_EQ(again->schemas, read->schemas);
    EXPECT_EQ(again->all_tables, read->all_tables);
    EXPECT_EQ(again->publication, read->publication);
    EXPECT_EQ(again->snapshot, read->snapshot);
    EXPECT_EQ(again->server_version, read->server_version);
    EXPECT_EQ(again->database.name, read->database.name);
    EXPECT_EQ(again->database.provider, read->database.provider);
    EXPECT_EQ(again->database.locale, read->database.locale);
    EXPECT_EQ(FormatDefinition(*again), written);
  }
}

std::string With(const std::string& from, const std::string& to) {
  std::string document = kDocument;
  const size_t at = document.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return document.replace(at, from.size(), to);
}

TEST(DefinitionTest, ReadsEveryMember) {
  const auto parsed = ParseDefinition(kDocument);
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_EQ(parsed->server_version, 150018);
  EXPECT_EQ(parsed->database.ctype, "C.UTF-8");
  EXPECT_THAT(parsed->extensions, ElementsAre(QualifiedName("public", "citext")));
  ASSERT_EQ(parsed->types.size(), 4U);
  EXPECT_THAT(parsed->types[0].labels, ElementsAre("a", "b"));
  EXPECT_EQ(parsed->types[1].base, "text");
  EXPECT_EQ(parsed->types[1].default_value, "'x'::text");
  EXPECT_EQ(parsed->types[1].constraints.at(0).definition, "CHECK ((VALUE <> ''::text))");
  EXPECT_EQ(parsed->types[2].attributes.at(0).collation, "pg_catalog.\"C\"");
  EXPECT_EQ(parsed->types[3].multirange, "rs");

  const TableDefinition* table = parsed->FindTable(4294967295U);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(parsed->FindTable(QualifiedName("public", "t")), table);
  EXPECT_EQ(table->kind, 'p');
  EXPECT_EQ(table->persistence, 'u');
  EXPECT_EQ(table->replica_identity, 'i');
  EXPECT_THAT(table->key_columns, ElementsAre("id"));
  EXPECT_EQ(table->parent.value().bound, "DEFAULT");
  EXPECT_EQ(table->row_filter, "(id > 0)");
  EXPECT_EQ(table->FindColumn("id")->identity, "a");
  EXPECT_EQ(table->FindColumn("id")->missing, "7");
  EXPECT_EQ(table->FindColumn("other"), nullptr);
  EXPECT_EQ(table->constraints.at(0).references, QualifiedName("public", "o"));
  EXPECT_TRUE(table->indexes.at(0).replica_identity);
  EXPECT_EQ(table->sequences.at(0).increment, "-1");
  EXPECT_EQ(table->sequences.at(0).min, "-9223372036854775808");
  EXPECT_EQ(table->sequences.at(0).max, "9223372036854775807");
}

TEST(DefinitionTest, GeneratedColumnsAreSentWhereListed) {
  TableDefinition table;
  ColumnDefinition plain;
  plain.name = "plain";
  ColumnDefinition generated;
  generated.name = "generated";
  generated.generated = "s";
  EXPECT_TRUE(table.Sends(plain));
  EXPECT_FALSE(table.Sends(generated));
  table.published_columns = {"generated"};
  EXPECT_FALSE(table.Sends(plain));
  EXPECT_TRUE(table.Sends(generated));
}

TEST(DefinitionTest, NotNullMarksMayHaveNames) {
  const auto parsed =
      ParseDefinition(With("\"not_null\": true, \"default\": null, \"identity\"",
                           "\"not_null\": true, \"not_null_name\": \"n\", \"default\": null, "
                           "\"identity\""));
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_EQ(parsed->tables.at(0).FindColumn("id")->not_null_name, "n");
}

TEST(DefinitionTest, SaysWhichMemberIsWrong) {
  const auto message = [](const std::string& document) {
    const auto parsed = ParseDefinition(document);
    EXPECT_FALSE(parsed);
    if (parsed) return std::string();
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorrupt);
    return parsed.error().message;
  };
  EXPECT_THAT(message("{"), HasSubstr("not JSON"));
  EXPECT_THAT(message("[]"), HasSubstr("the document is not an object"));
  EXPECT_THAT(message("{}"), HasSubstr("format is not an integer"));
  EXPECT_THAT(message(With("\"labels\": [\"a\", \"b\"]", "\"labels\": [\"a\", 1]")),
              HasSubstr("types[0].labels[1] is not a string"));
  EXPECT_THAT(message(With("\"enum\"", "\"other\"")), HasSubstr("types[0].kind is not enum"));
  EXPECT_THAT(message(With("\"kind\": \"p\"", "\"kind\": \"v\"")), HasSubstr("tables[0].kind"));
  EXPECT_THAT(message(With("\"oid\": 4294967295", "\"oid\": 4294967296")),
              HasSubstr("tables[0].oid is not an integer in range"));
  EXPECT_THAT(message(With("\"bound\": \"DEFAULT\"", "\"bound\": null")),
              HasSubstr("tables[0].parent.bound is not a string"));
  EXPECT_THAT(message(With("\"identity\": \"a\"", "\"identity\": \"x\"")),
              HasSubstr("tables[0].columns[0].identity"));
}

TEST(DefinitionTest, AnotherFormatIsUnsupported) {
  const auto parsed = ParseDefinition(With("\"format\": 1", "\"format\": 2"));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, ErrorKind::kUnsupported);
}

TEST(DefinitionTest, NoCutOrFlippedDocumentCrashes) {
  const std::string document = kDocument;
  for (size_t length = 0; length < document.size(); ++length) {
    EXPECT_FALSE(ParseDefinition(std::string_view(document).substr(0, length)));
  }
  for (size_t i = 0; i < document.size(); ++i) {
    std::string flipped = document;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x04);
    if (const auto parsed = ParseDefinition(flipped); !parsed) {
      EXPECT_FALSE(parsed.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace trunkline
