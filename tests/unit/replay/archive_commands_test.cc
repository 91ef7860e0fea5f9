// What `trunkline info` and `trunkline verify` print and return.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "replay/command.h"
#include "tests/unit/archive/sample_archive.h"

namespace trunkline {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Json = nlohmann::json;

class ArchiveCommandsTest : public testing::Test {
 protected:
  ArchiveCommandsTest() { archive_.Fill(); }

  // Runs a command as main does; its standard output is in output_ afterwards.
  Result<void> Run(std::vector<std::string> arguments) {
    CLI::App app;
    CommandContext context;
    AddInfoCommand(&app, &context);
    AddVerifyCommand(&app, &context);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
    testing::internal::CaptureStdout();
    Result<void> result = context.run();
    output_ = testing::internal::GetCapturedStdout();
    return result;
  }
  std::string Path() { return archive_.PathOf("."); }

  SampleArchive archive_;
  std::string output_;
};

TEST_F(ArchiveCommandsTest, InfoIsForPeople) {
  ASSERT_TRUE(Run({"info", Path()}));
  EXPECT_THAT(output_, AllOf(HasSubstr("Span          0/1000 to 0/5000\n"),
                             HasSubstr("Changes       9 in 6 transactions\n"),
                             HasSubstr("database shop, publication trunkline"),
                             HasSubstr("public.orders              8        9        0"),
                             HasSubstr("complete\n")));
}

TEST_F(ArchiveCommandsTest, InfoPrintsJson) {
  Must(archive_.Open()->AppendGap({0x9000}, "slot lost", 1, 150018));
  ASSERT_TRUE(Run({"info", "--json", Path()}));
  const Json json = Json::parse(output_);
  EXPECT_EQ(json["source"]["database"], "shop");
  EXPECT_EQ(json["begin"], "0/1000");
  EXPECT_EQ(json["end"], "0/9000");
  EXPECT_EQ(json["first_commit"]["commit_lsn"], "0/1100");
  EXPECT_EQ(json["segments"], 5);
  EXPECT_EQ(json["tables"].size(), 2);
  EXPECT_EQ(json["tables"][1]["inserts"], 9);
  EXPECT_EQ(json["snapshots"][0]["complete"], true);
  EXPECT_EQ(json["gaps"][0]["reason"], "slot lost");
}

TEST_F(ArchiveCommandsTest, InfoOfANewArchiveHasNoSpan) {
  SampleArchive fresh;
  fresh.Open();
  ASSERT_TRUE(Run({"info", fresh.PathOf(".")}));
  EXPECT_THAT(output_, AllOf(HasSubstr("no changes yet"), HasSubstr("0 segments")));
  ASSERT_TRUE(Run({"info", "--json", fresh.PathOf(".")}));
  EXPECT_TRUE(Json::parse(output_)["begin"].is_null());
  EXPECT_TRUE(Json::parse(output_)["first_commit"].is_null());
}

TEST_F(ArchiveCommandsTest, VerifyStatesTheProof) {
  ASSERT_TRUE(Run({"verify", Path()}));
  EXPECT_THAT(output_, AllOf(HasSubstr("4 segments with 9 changes in 6 transactions"),
                             HasSubstr("ok: 0/1000 to 0/5000 tiled by 4 segments")));
  ASSERT_TRUE(Run({"verify", "--json", Path()}));
  const Json json = Json::parse(output_);
  EXPECT_EQ(json["ok"], true);
  EXPECT_EQ(json["last_digest"].get<std::string>().size(), 64);
}

TEST_F(ArchiveCommandsTest, VerifyNamesTheDamage) {
  std::filesystem::remove(archive_.PathOf(SegmentObjectName({0x2000}, {0x3000})));
  const auto result = Run({"verify", Path()});
  ASSERT_FALSE(result);
  EXPECT_EQ(ExitCode(result.error()), 3);
  EXPECT_THAT(result.error().message, HasSubstr("is damaged: 1 finding"));
  EXPECT_THAT(output_, HasSubstr("damage  0/2000 to 0/3000: no segment holds this range\n"));
  EXPECT_THAT(output_, Not(HasSubstr("ok")));

  ASSERT_FALSE(Run({"verify", "--json", Path()}));
  EXPECT_EQ(Json::parse(output_)["ok"], false);
  EXPECT_EQ(Json::parse(output_)["findings"].size(), 1);
}

TEST_F(ArchiveCommandsTest, AGapIsReportedAndIsNoDamage) {
  Must(archive_.Open()->AppendGap({0x9000}, "slot lost", 1, 150018));
  ASSERT_TRUE(Run({"verify", Path()}));
  EXPECT_THAT(output_, HasSubstr("gap     0/5000 to 0/9000: slot lost\n"));
}

TEST_F(ArchiveCommandsTest, SaysWhereThereIsNoArchive) {
  for (const char* command : {"info", "verify"}) {
    const auto result = Run({command, Path() + "/none"});
    ASSERT_FALSE(result);
    EXPECT_EQ(ExitCode(result.error()), 1);
    EXPECT_THAT(result.error().message, HasSubstr("there is no archive at"));
  }
}

}  // namespace
}  // namespace trunkline
