// trunkline log against test_decoding on a twin slot: the same WAL, change for change.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <sstream>

#include "tests/integration/load.h"
#include "tests/integration/log_lines.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"
#include "tests/support/twin_slot.h"

namespace trunkline::test {
namespace {

std::string Excerpt(const std::vector<std::string>& changes, size_t at) {
  std::string text;
  for (size_t i = at < 2 ? 0 : at - 2; i < std::min(changes.size(), at + 3); ++i) {
    text += (i == at ? "> " : "  ") + changes[i].substr(0, 1500) + "\n";
  }
  return text;
}

void ExpectSameChanges(const std::vector<std::string>& want, const std::vector<std::string>& have) {
  size_t at = 0;
  while (at < want.size() && at < have.size() && want[at] == have[at]) ++at;
  if (at == want.size() && at == have.size()) return;
  ADD_FAILURE() << "change " << at << " of " << want.size() << " expected and " << have.size()
                << " found differs\nexpected:\n"
                << Excerpt(want, at) << "found:\n"
                << Excerpt(have, at);
}

TEST(LogTest, AgreesWithTestDecodingChangeForChange) {
  Source source;
  const std::string conninfo = source.conninfo();
  CreateLoadSchema(conninfo);
  TwinSlot{conninfo};
  TempFolder folder;
  Daemon daemon({.source = conninfo,
                 .archive = folder / "archive",
                 .arguments = {"--segment-max-bytes", "1000000", "--segment-max-age", "500ms"}});
  daemon.Start();
  daemon.AwaitSnapshot();
  {
    ConcurrentLoad load(conninfo, 3, 99, {.logical_messages = false});
    std::this_thread::sleep_for(seconds(4));
  }
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();

  const std::string first = Segments(daemon.archive()).at(0);
  const Lsn begin = Must(Lsn::FromHex16(first.substr(std::string("changes/").size(), 16)));
  const Outcome log = Trunkline({"log", daemon.archive(), "--format", "text"});
  ASSERT_EQ(log.exit_code, 0) << log;
  const std::vector<std::string> have = LogLines(log.out);
  const std::vector<std::string> want = TwinLogLines(conninfo, begin);
  ASSERT_GT(want.size(), 1000U);
  ExpectSameChanges(want, have);
  std::cout << want.size() << " lines compared\n";
}

constexpr char kLooseMessage[] =
    "SELECT pg_catalog.pg_logical_emit_message(false, 'loose', 'between two transactions')";

// The parts of a log put together are the log.
TEST(LogTest, RangesAndTablesCutTheLogWhereTheySay) {
  Source source;
  const std::string conninfo = source.conninfo();
  source.Connect().Do(
      "CREATE TABLE public.a (id integer PRIMARY KEY, v text); "
      "CREATE TABLE public.b (id integer PRIMARY KEY, v text); "
      "CREATE PUBLICATION trunkline FOR ALL TABLES");
  TempFolder folder;
  Daemon daemon({.source = conninfo, .archive = folder / "archive"});
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  Session session(conninfo);
  std::vector<Lsn> cuts;
  for (int i = 0; i < 40; ++i) {
    const std::string n = std::to_string(i);
    session.Do("BEGIN; INSERT INTO public.a VALUES (" + n +
               ", 'a'); INSERT INTO public.b VALUES (" + n + ", 'b'); COMMIT");
    if (i % 20 == 9) cuts.push_back(session.CurrentLsn());
    // Of a message outside of transactions, this is the end.
    if (i % 20 == 19) cuts.push_back(Must(Lsn::Parse(session.One(kLooseMessage))));
    if (i == 20) {
      ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
    }
  }
  session.Do("SELECT pg_catalog.pg_logical_emit_message(true, 'trunkline.restore_point', 'here')");
  session.Do("UPDATE public.a SET v = 'later' WHERE id = 7; DELETE FROM public.b WHERE id = 8");
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  const auto log = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"log", daemon.archive()});
    const Outcome outcome = Trunkline(std::move(arguments));
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    return outcome.out;
  };
  const std::string whole = log({});
  std::string pieced = log({"--to", "lsn:" + cuts[0].ToString()});
  for (size_t i = 1; i < cuts.size(); ++i) {
    pieced += log({"--from", "lsn:" + cuts[i - 1].ToString(), "--to", "lsn:" + cuts[i].ToString()});
  }
  pieced += log({"--from", "lsn:" + cuts.back().ToString()});
  EXPECT_EQ(pieced, whole);
  const auto count = [](const std::string& text, const std::string& what) {
    size_t found = 0;
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count(whole, "INSERT:"), 80U);
  EXPECT_EQ(count(whole, "prefix: loose,"), 2U);
  EXPECT_EQ(count(log({"--to", "lsn:" + cuts[1].ToString()}), "prefix: loose,"), 1U);
  const std::string only_a = log({"--table", "public.a"});
  EXPECT_EQ(count(only_a, "table public.a:"), 41U);
  EXPECT_EQ(count(only_a, "table public.b:"), 0U);
  const std::string one_row = log({"--table", "a", "--key", "7"});
  EXPECT_EQ(count(one_row, "table public.a:"), 2U) << one_row;
  const std::string after_point = log({"--from", "name:here"});
  EXPECT_EQ(count(after_point, "table "), 2U) << after_point;
}

}  // namespace
}  // namespace trunkline::test
