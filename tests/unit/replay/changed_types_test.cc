#include "archive/changed_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using Labels = std::vector<std::string>;

std::map<std::string, std::string> Renamed(const Labels& before, const Labels& after) {
  const auto renamed = RenamedLabels(before, after);
  EXPECT_TRUE(renamed);
  return renamed.value_or(std::map<std::string, std::string>{});
}

TEST(RenamedLabelsTest, AddedOnesAreNone) {
  EXPECT_THAT(Renamed({"a", "b"}, {"a", "b"}), IsEmpty());
  EXPECT_THAT(Renamed({"a", "b"}, {"x", "a", "y", "b", "z"}), IsEmpty());
  EXPECT_THAT(Renamed({}, {"x"}), IsEmpty());
}

TEST(RenamedLabelsTest, InTheirPlaces) {
  EXPECT_THAT(Renamed({"a", "b", "c"}, {"a", "B", "c"}), ElementsAre(Pair("b", "B")));
  EXPECT_THAT(Renamed({"a", "b"}, {"b", "a"}), ElementsAre(Pair("a", "b"), Pair("b", "a")));
  EXPECT_THAT(Renamed({"a", "b", "c"}, {"a", "B", "c", "d"}), ElementsAre(Pair("b", "B")));
}

TEST(RenamedLabelsTest, WhatCanBeReadInTwoWays) {
  EXPECT_FALSE(RenamedLabels({"a", "b"}, {"a", "x", "y"}));
  EXPECT_FALSE(RenamedLabels({"a", "b"}, {"b", "a", "c"}));
}

// A table of an enum (OID 20000), a domain over it (20001) and an array of it (20002).
class ChangedTypeTest : public testing::Test {
 protected:
  ChangedTypeTest() {
    table_.columns[1].type_oid = 20000;
    table_.columns[2].type_oid = 20001;
    table_.columns[3].type_oid = 20002;
  }

  std::string Definition(const Labels& labels) const {
    auto json = nlohmann::json::parse(DefinitionOf({{.relation = table_}}));
    json["types"] = {{{"oid", 20000},
                      {"schema", "public"},
                      {"name", "mood"},
                      {"kind", "enum"},
                      {"labels", labels}},
                     {{"oid", 20001},
                      {"schema", "public"},
                      {"name", "dom"},
                      {"kind", "domain"},
                      {"base", "public.mood"},
                      {"collation", nullptr},
                      {"default", nullptr},
                      {"not_null", false},
                      {"constraints", nlohmann::json::array()}}};
    auto& columns = json["tables"][0]["columns"];
    columns[1]["type"] = "public.mood";
    columns[2]["type"] = "public.dom";
    columns[3]["type"] = "public.mood[]";
    return json.dump();
  }

  std::string RowsAfter(const std::vector<Row>& rows, const Labels& before, const Labels& after) {
    ArchiveBuilder archive;
    archive.Snapshot(150, {{table_, rows}}, Definition(before));
    archive.Commit(200, {Define(Definition(after))});
    archive.Publish(300);
    return Rows(archive.Rebuild("latest"), "moods");
  }

  Relation table_ = MakeRelation(16384, "moods", {"id*", "m", "d", "a"});
};

TEST_F(ChangedTypeTest, ARenamedLabelIsRenamedInTheRows) {
  EXPECT_EQ(
      RowsAfter(
          {{"1", "sad", "ok", "{ok}"}, {"2", "ok", "sad", nullptr}, {"3", nullptr, nullptr, "{}"}},
          {"sad", "ok"}, {"gloomy", "ok"}),
      "1,gloomy,ok,{ok}\n2,ok,gloomy,\n3,,,{}\n");
}

TEST_F(ChangedTypeTest, ARenamedLabelDeeperInsideIsNotGuessed) {
  EXPECT_THAT(RowsAfter({{"1", "ok", "ok", "{ok,sad}"}}, {"sad", "ok"}, {"gloomy", "ok"}),
              HasSubstr("public.mood"));
}

TEST_F(ChangedTypeTest, ADefinitionAheadOfTheStreamRenamesWhatFollowsToo) {
  ArchiveBuilder archive;
  archive.Snapshot(150, {{table_, {}}}, Definition({"sad", "ok"}));
  archive.Commit(
      200, {Define(Definition({"gloomy", "ok"})), Insert(table_, {"1", "sad", "ok", nullptr})});
  archive.Commit(250, {Insert(table_, {"2", "gloomy", "ok", nullptr})});
  archive.Publish(300);
  EXPECT_EQ(Rows(archive.Rebuild("latest"), "moods"), "1,gloomy,ok,\n2,gloomy,ok,\n");
}

TEST_F(ChangedTypeTest, AnAddedLabelChangesNothing) {
  EXPECT_EQ(RowsAfter({{"1", "sad", "ok", "{ok,sad}"}}, {"sad", "ok"}, {"sad", "so so", "ok"}),
            "1,sad,ok,\"{ok,sad}\"\n");
}

}  // namespace
}  // namespace trunkline::test
