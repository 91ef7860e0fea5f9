// trunklined --check: names every fault of a source, with the command that mends it, and changes
// nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/refusal.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

constexpr char kTables[] = R"(
  CREATE TABLE public.item (id integer PRIMARY KEY, v text);
  CREATE TABLE public."no Key" (v text);
  CREATE PUBLICATION trunkline FOR TABLE public.item)";

class CheckTest : public testing::Test {
 protected:
  Outcome Check(const std::string& conninfo, std::vector<std::string> more = {}) {
    std::vector<std::string> command = {Binary("trunklined"), "--source", conninfo,
                                        "--archive",          archive(),  "--check"};
    command.insert(command.end(), more.begin(), more.end());
    return RunProgram(std::move(command), seconds(30));
  }
  std::string archive() const { return folder_ / "archive"; }
  TempFolder folder_;
};

// What --check says, wherever it says it.
std::string Said(const Outcome& outcome) { return outcome.out + outcome.err; }

TEST_F(CheckTest, AHealthySourcePassesAndNothingIsTouched) {
  Source source;
  source.Connect().Do(kTables);
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = Check(source.conninfo());
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
  }
  EXPECT_FALSE(Exists(archive()));
  EXPECT_EQ(source.Connect().One("SELECT count(*) FROM pg_catalog.pg_replication_slots"), "0");
  // And with a slot and an archive in place, the daemon at work.
  Daemon daemon({.source = source.conninfo(), .archive = archive()});
  daemon.Start();
  daemon.AwaitSnapshot();
  const Outcome beside = Check(source.conninfo());
  EXPECT_EQ(beside.exit_code, 0) << beside;
  EXPECT_EQ(daemon.Stop().exit_code, 0);
}

TEST_F(CheckTest, EveryFaultAtOnce) {
  Source source(
      {.settings = {"wal_level = replica", "max_replication_slots = 0", "max_wal_senders = 0"}});
  source.Connect().Do("CREATE ROLE weak LOGIN");
  const Outcome outcome = Check(source.conninfo() + " user=weak");
  EXPECT_EQ(outcome.exit_code, kFailed) << outcome;
  for (const char* remedy : {"wal_level", "max_replication_slots", "max_wal_senders",
                             "(?i)CREATE PUBLICATION", "(?i)ALTER ROLE \"?weak\"?.* REPLICATION"}) {
    const std::string pattern = remedy;
    const bool any_case = pattern.starts_with("(?i)");
    std::string said = Said(outcome);
    std::string wanted = any_case ? pattern.substr(4) : pattern;
    if (any_case) {
      std::transform(said.begin(), said.end(), said.begin(), ::toupper);
      std::transform(wanted.begin(), wanted.end(), wanted.begin(), ::toupper);
    }
    EXPECT_THAT(said, ContainsRegex(wanted)) << outcome;
  }
}

TEST_F(CheckTest, TablesThatCannotBeFollowed) {
  Source source;
  source.Connect().Do(kTables);
  source.Connect().Do("ALTER PUBLICATION trunkline ADD TABLE public.\"no Key\"");
  const Outcome no_identity = Check(source.conninfo());
  EXPECT_NE(no_identity.exit_code, kUsage) << no_identity;
  EXPECT_THAT(Said(no_identity), HasSubstr("no Key"));
  EXPECT_THAT(Said(no_identity), ContainsRegex("[rR][eE][pP][lL][iI][cC][aA] "
                                               "[iI][dD][eE][nN][tT][iI][tT][yY]"));
  const Outcome missing = Check(source.conninfo(), {"--tables", "public.item,public.nowhere"});
  EXPECT_EQ(missing.exit_code, kFailed) << missing;
  EXPECT_THAT(Said(missing), HasSubstr("nowhere"));
}

TEST_F(CheckTest, ARoleThatMayNotReadATable) {
  Source source;
  source.Connect().Do(kTables);
  source.Connect().Do("CREATE ROLE reader LOGIN REPLICATION");
  const Outcome outcome = Check(source.conninfo() + " user=reader");
  EXPECT_EQ(outcome.exit_code, kFailed) << outcome;
  EXPECT_THAT(Said(outcome), ContainsRegex("[gG][rR][aA][nN][tT]"));
  source.Connect().Do("GRANT SELECT ON public.item TO reader");
  const Outcome granted = Check(source.conninfo() + " user=reader");
  EXPECT_EQ(granted.exit_code, 0) << granted;
}

TEST_F(CheckTest, NoSlotFree) {
  Source source({.settings = {"max_replication_slots = 1"}});
  source.Connect().Do(kTables);
  source.Connect().Do("SELECT pg_catalog.pg_create_physical_replication_slot('taken')");
  const Outcome outcome = Check(source.conninfo());
  EXPECT_EQ(outcome.exit_code, kFailed) << outcome;
  EXPECT_THAT(Said(outcome), HasSubstr("max_replication_slots"));
}

}  // namespace
}  // namespace trunkline::test
