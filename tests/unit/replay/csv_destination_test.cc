#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "replay/destination.h"
#include "tests/unit/replay/archive_builder.h"

namespace trunkline::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Relation Named(uint32_t oid, const std::string& schema, const std::string& name) {
  Relation relation = MakeRelation(oid, name, {"id*", "note"});
  relation.schema = schema;
  return relation;
}

class CsvDestinationTest : public testing::Test {
 protected:
  CsvDestinationTest() {
    archive_.Snapshot(150, {{Named(1, "public", "orders"), {{"1", "a,b"}, {"2", nullptr}}},
                            {Named(2, "public", "empty"), {}},
                            {Named(3, "We ird", "a.b/c"), {{"1", ""}}}});
  }

  std::string folder() const { return archive_.folder(); }
  std::string target() const { return folder() + "/new/csv"; }
  Result<std::string> Write(bool force = false, const std::string& to = {}) {
    ASSIGN_OR_RETURN(const auto destination,
                     OpenDestination("csv:" + (to.empty() ? target() : to), {.force = force}));
    ASSIGN_OR_RETURN(const DatabaseState state, archive_.Rebuild("latest"));
    return destination->Write(state, nullptr);
  }
  static std::vector<std::string> Names(const std::string& path) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::string Content(const std::string& path) {
    std::ostringstream content;
    content << std::ifstream(path).rdbuf();
    return content.str();
  }

  ArchiveBuilder archive_;
};

TEST_F(CsvDestinationTest, AFileATableEmptyOnesToo) {
  const auto written = Write();
  ASSERT_TRUE(written) << written.error().ToString();
  EXPECT_THAT(*written, HasSubstr("3 rows of 3 tables"));
  EXPECT_THAT(Names(target()),
              ElementsAre("We%20ird.a%2Eb%2Fc.csv", "public.empty.csv", "public.orders.csv"));
  EXPECT_EQ(Content(target() + "/public.orders.csv"), "id,note\n1,\"a,b\"\n2,\n");
  EXPECT_EQ(Content(target() + "/public.empty.csv"), "id,note\n");
  EXPECT_EQ(Content(target() + "/We%20ird.a%2Eb%2Fc.csv"), "id,note\n1,\"\"\n");
  EXPECT_THAT(Names(folder() + "/new"), ElementsAre("csv"));
}

TEST_F(CsvDestinationTest, AnEmptyDirectoryIsFilled) {
  fs::create_directories(target());
  ASSERT_TRUE(Write(false, target() + "/"));
  EXPECT_EQ(Names(target()).size(), 3U);
}

TEST_F(CsvDestinationTest, ADirectoryThatHoldsDataIsReplacedByForceAlone) {
  fs::create_directories(target() + "/below");
  std::ofstream(target() + "/below/precious") << "mine";
  const auto refused = Write();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_THAT(refused.error().hint, HasSubstr("--force"));
  EXPECT_THAT(Names(target()), ElementsAre("below"));
  EXPECT_THAT(Names(folder() + "/new"), ElementsAre("csv"));
  ASSERT_TRUE(Write(true));
  EXPECT_EQ(Names(target()).size(), 3U);
  EXPECT_THAT(Names(folder() + "/new"), ElementsAre("csv"));
}

TEST_F(CsvDestinationTest, AFileIsNeverReplaced) {
  std::ofstream(folder() + "/file") << "mine";
  EXPECT_EQ(Write(true, folder() + "/file").error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(Content(folder() + "/file"), "mine");
}

TEST_F(CsvDestinationTest, AFailedWriteLeavesNothing) {
  // Two tables of one name: the second one's file is there already.
  ArchiveBuilder archive;
  archive.Snapshot(150, {{Named(1, "public", "orders"), {}}, {Named(2, "other", "orders"), {}}});
  auto state = archive.Rebuild("latest");
  ASSERT_TRUE(state);
  auto again = archive.Rebuild("latest");
  ASSERT_TRUE(again);
  state->tables.push_back(std::move(again->tables.front()));
  const auto destination = OpenDestination("csv:" + target(), {});
  ASSERT_TRUE(destination);
  EXPECT_FALSE((*destination)->Write(*state, nullptr));
  EXPECT_THAT(Names(folder() + "/new"), IsEmpty());
}

TEST(OpenDestinationTest, WhatIsNone) {
  EXPECT_EQ(OpenDestination("csv:", {}).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(OpenDestination("gopher:x", {}).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(OpenDestination("/tmp/x", {}).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(OpenDestination("gopher://user:secret@x", {}).error().ToString(),
              testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace trunkline::test
