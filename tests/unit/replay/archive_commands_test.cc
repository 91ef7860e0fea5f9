// What commands print and return: info and verify, replay --json, and all of them for bad input.
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
#include "tests/unit/replay/archive_builder.h"

namespace trunkline {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Json = nlohmann::json;

// Runs a command as main does, with its standard output in *output.
Result<void> RunCommand(std::vector<std::string> arguments, std::string* output) {
  CLI::App app;
  CommandContext context;
  AddInfoCommand(&app, &context);
  AddLogCommand(&app, &context);
  AddQueryCommand(&app, &context);
  AddReplayCommand(&app, &context);
  AddSnapshotCommand(&app, &context);
  AddVerifyCommand(&app, &context);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(std::move(arguments));
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Result<void> result = context.run();
  *output = testing::internal::GetCapturedStdout();
  (void)testing::internal::GetCapturedStderr();
  return result;
}

class ArchiveCommandsTest : public testing::Test {
 protected:
  ArchiveCommandsTest() { archive_.Fill(); }

  Result<void> Run(std::vector<std::string> arguments) {
    return RunCommand(std::move(arguments), &output_);
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
  EXPECT_EQ(json["to_end"]["snapshot"], "0/1800");
  EXPECT_EQ(json["to_end"]["reachable"], false);
  EXPECT_EQ(json["rates"]["span"]["seconds"], 0x3000);
  EXPECT_EQ(json["rates"]["span"]["changes"], 9);
  EXPECT_EQ(json["servers"][0]["server_version"], 150018);
  EXPECT_TRUE(json["snapshots"][0]["time"].is_null());
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

// Tables orders in two schemas, and pair with a key of two columns; a gap from 500 to 600.
class BadInputTest : public testing::Test {
 protected:
  BadInputTest() : orders_(test::MakeRelation(16384, "orders", {"id*", "note"})) {
    test::ArchiveBuilder::Contents orders{orders_, {{"1", "a"}}};
    Relation other = orders_;
    other.oid = 16385;
    other.schema = "Odd schema";
    const Relation pair = test::MakeRelation(16386, "pair", {"a*", "b*"});
    const std::vector<test::ArchiveBuilder::Contents> tables = {orders, {other, {}}, {pair, {}}};
    archive_.Snapshot(150, tables);
    archive_.Commit(200, {test::Insert(orders_, {"2", "b"})});
    archive_.Commit(300, {test::Insert(pair, {"x", "y"})});
    for (const uint64_t lsn : {320, 340}) {
      archive_.Commit(lsn, {test::Message("trunkline.restore_point", "twice")});
    }
    archive_.Publish(500);
    archive_.Gap(600);
    archive_.Snapshot(650, tables);
    archive_.Commit(700, {test::Insert(orders_, {"3", "c"})});
    archive_.Publish(800);
  }

  Result<void> Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin() + 1, archive_.url());
    return RunCommand(std::move(arguments), &output_);
  }
  std::string Csv(const std::string& name) { return "csv:" + archive_.folder() + "/" + name; }
  // Fails with `exit_code` and a message, hint included, that says `what`.
  void Refuses(std::vector<std::string> arguments, int exit_code, const std::string& what) {
    const auto result = Run(arguments);
    ASSERT_FALSE(result) << testing::PrintToString(arguments);
    EXPECT_EQ(ExitCode(result.error()), exit_code) << result.error().ToString();
    EXPECT_THAT(result.error().ToString(), HasSubstr(what));
  }
  void ReplayRefuses(const std::string& at, int exit_code, const std::string& what) {
    Refuses({"replay", "--at", at, "--to", Csv("never")}, exit_code, what);
    EXPECT_FALSE(std::filesystem::exists(archive_.folder() + "/never"));
  }

  const Relation orders_;
  test::ArchiveBuilder archive_;
  std::string output_;
};

TEST_F(BadInputTest, TargetsThatCannotBeReached) {
  ReplayRefuses("lsn:0/226", 3, "0/1F4 to 0/258");  // 550, in the gap from 500 to 600
  ReplayRefuses("lsn:0/64", 1, "before the archive's first base snapshot");
  ReplayRefuses("lsn:0/1000", 1, "lsn:0/1000 is after the archive's end");
  ReplayRefuses("xid:77", 1, "no transaction for xid:77");
  ReplayRefuses("name:nosuch", 1, "no transaction for name:nosuch");
  ReplayRefuses("name:twice", 2, "choose one by its LSN: lsn:0/148");
}

TEST_F(BadInputTest, TargetsThatAreNone) {
  ReplayRefuses("yesterday", 2, "a target is latest, ");
  ReplayRefuses("", 2, "a target is latest, ");
  ReplayRefuses("2016-11-30 09:29:00", 2, "timestamp without an offset");
  ReplayRefuses("lsn:-1", 2, "not an LSN");
  ReplayRefuses("xid:-1", 2, "not a transaction id");
}

TEST_F(BadInputTest, TablesThatAreUnknownOrAmbiguous) {
  const auto refuses = [this](const std::string& tables, int exit_code, const std::string& what) {
    Refuses({"replay", "--at", "latest", "--to", Csv("never"), "--tables", tables}, exit_code,
            what);
  };
  refuses("nosuch", 1, "no table \"nosuch\"");
  refuses("orders", 2, "name it as schema.table");
  refuses("public.orders,public.nosuch", 1, "no table \"public.nosuch\"");
  Refuses({"log", "--to", "lsn:0/1F4", "--table", "orders"}, 2, "name it as schema.table");
  Refuses({"log", "--to", "lsn:0/1F4", "--table", "nosuch"}, 1, "trunkline info lists the tables");
  EXPECT_TRUE(Run({"log", "--to", "lsn:0/1F4", "--table", "public.orders"}));
}

TEST_F(BadInputTest, KeysOfAnotherShape) {
  const std::vector<std::string> log = {"log", "--to", "lsn:0/1F4"};
  const auto refuses = [&](std::vector<std::string> filter, const std::string& what) {
    filter.insert(filter.begin(), log.begin(), log.end());
    Refuses(filter, 2, what);
  };
  refuses({"--key", "1"}, "--key needs --table");
  refuses({"--table", "pair", "--key", "1"}, "has 2 columns");
  refuses({"--table", "pair", "--key", "1,\"a"}, "a quote without its end");
}

TEST_F(BadInputTest, RangesOfTheLog) {
  Refuses({"log"}, 3, "--from and --to on one side of it");
  Refuses({"log", "--from", "lsn:0/1F4", "--to", "lsn:0/C8"}, 2,
          "--to, LSN 0/C8, is before --from, LSN 0/1F4");
}

TEST_F(BadInputTest, Destinations) {
  const auto refuses = [this](const std::string& to, int exit_code, const std::string& what) {
    Refuses({"replay", "--at", "latest", "--to", to}, exit_code, what);
  };
  refuses("somewhere", 2, "does not say of which kind");
  refuses("xml:x", 2, "\"xml:\" is no destination");
  refuses("csv:", 2, "names no directory");
  const std::string full = archive_.folder() + "/full";
  std::filesystem::create_directories(full + "/something");
  refuses("csv:" + full, 1, "holds data already");
  Refuses({"query", "--at", "latest", "-f", archive_.folder()}, 2, "is a folder");
  Refuses({"query", "--at", "latest", "-f", archive_.folder() + "/no.sql"}, 1, "No such file");
}

TEST_F(BadInputTest, ReplayPrintsItsResult) {
  ASSERT_TRUE(Run({"replay", "--at", "xid:300", "--to", Csv("then"), "--json"}));
  const Json json = Json::parse(output_);
  EXPECT_EQ(json["archive"], archive_.url());
  EXPECT_EQ(json["target"]["asked"], "xid:300");
  EXPECT_EQ(json["target"]["lsn"], "0/134");
  EXPECT_EQ(json["target"]["last"]["xid"], 300);
  EXPECT_EQ(json["target"]["next"]["xid"], 320);
  EXPECT_EQ(json["target"]["snapshot"], "0/96");
  EXPECT_EQ(json["destination"]["kind"], "csv");
  EXPECT_EQ(json["destination"]["path"], archive_.folder() + "/then");
  EXPECT_TRUE(json["destination"]["database"].is_null());
  EXPECT_EQ(json["rows"], 3);
  ASSERT_EQ(json["tables"].size(), 3);
  EXPECT_EQ(json["tables"][2], (Json{{"schema", "public"}, {"name", "pair"}, {"rows", 1}}));
  EXPECT_GT(json["seconds"], 0);
}

}  // namespace
}  // namespace trunkline
