// --http: what it tells agrees with the source and the archive, and follows what befalls them.
#include "tests/support/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <sstream>

#include "tests/integration/refusal.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;

class HttpTest : public testing::Test {
 protected:
  HttpTest() {
    Do("CREATE TABLE public.t (id bigserial PRIMARY KEY, v text); "
       "CREATE TABLE public.u (id bigserial PRIMARY KEY); "
       "INSERT INTO public.t (v) SELECT g FROM pg_catalog.generate_series(1, 7) g; "
       "CREATE PUBLICATION trunkline FOR TABLE public.t, public.u");
  }

  Daemon NewDaemon(int port) {
    return Daemon({.source = source_.conninfo(),
                   .archive = folder_ / "archive",
                   .arguments = {"--segment-max-age", "100ms", "--http", std::to_string(port)}});
  }
  void Do(const std::string& sql) { source_.Connect().Do(sql); }
  // Waits until /readyz answers so, or for 30 s.
  static bool Becomes(int port, int status, const std::string& words) {
    return Eventually(seconds(30), [&] {
      const HttpAnswer answer = HttpGet(port, "/readyz");
      return answer.status == status && answer.body.find(words) != std::string::npos;
    });
  }
  // What /readyz and the log say, for a test that failed.
  static std::string Said(int port, const Daemon& daemon) {
    return HttpGet(port, "/readyz").text + "\n" + daemon.log();
  }
  // The value of the series, as it is written; -1 where there is none.
  static double Figure(int port, const std::string& series) {
    std::istringstream lines(HttpGet(port, "/metrics").body);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
    }
    return -1;
  }
  static bool Reaches(int port, const std::string& series, double value) {
    return Eventually(seconds(30), [&] { return Figure(port, series) == value; });
  }
  static double AsNumber(Lsn lsn) { return static_cast<double>(lsn.value); }

  Source source_;
  TempFolder folder_;
  const int port_ = FreePort();
};

TEST_F(HttpTest, TheFiguresAgreeWithTheSourceAndTheArchive) {
  Daemon daemon = NewDaemon(port_);
  daemon.Start();
  ASSERT_TRUE(Becomes(port_, 200, "streaming")) << Said(port_, daemon);
  EXPECT_EQ(HttpGet(port_, "/healthz").body, "alive\n");
  EXPECT_EQ(Figure(port_, "trunkline_snapshot_tables_done"), 2);
  EXPECT_EQ(Figure(port_, "trunkline_snapshot_rows"), 7);
  EXPECT_EQ(Figure(port_, "trunkline_snapshots_total{kind=\"base\"}"), 1);
  EXPECT_EQ(Figure(port_, "trunkline_state{state=\"streaming\"}"), 1);

  Do("INSERT INTO public.t (v) SELECT 'abc' FROM pg_catalog.generate_series(1, 10) g");
  Do("UPDATE public.t SET v = 'def' WHERE id <= 3");
  Do("INSERT INTO public.u DEFAULT VALUES");
  EXPECT_TRUE(Reaches(port_, "trunkline_table_changes_total{schema=\"public\",table=\"t\"}", 13));
  EXPECT_TRUE(Reaches(port_, "trunkline_table_changes_total{schema=\"public\",table=\"u\"}", 1));
  EXPECT_GE(Figure(port_, "trunkline_table_bytes_total{schema=\"public\",table=\"t\"}"), 13 * 4);
  EXPECT_EQ(Figure(port_, "trunkline_transactions_total"), 3);
  const double segments = Figure(port_, "trunkline_segments_total");
  EXPECT_EQ(segments, static_cast<double>(Segments(daemon.archive()).size()));
  EXPECT_GE(Figure(port_, "trunkline_publish_seconds_count"), 1);
  EXPECT_LE(Figure(port_, "trunkline_publish_seconds_count"), segments);
  EXPECT_TRUE(Reaches(port_, "trunkline_archived_lsn", AsNumber(ArchiveEnd(daemon.archive()))));
  EXPECT_TRUE(Reaches(port_, "trunkline_lag_seconds", 0));
  const auto flushed = [&] {
    return AsNumber(Must(Lsn::Parse(
        source_.Connect().One("SELECT flush_lsn FROM pg_catalog.pg_stat_replication "
                              "WHERE application_name = 'trunklined' AND state = 'streaming'"))));
  };
  EXPECT_TRUE(Eventually(seconds(30),
                         [&] { return Figure(port_, "trunkline_confirmed_lsn") == flushed(); }));
  EXPECT_EQ(Figure(port_, "trunkline_gaps_total"), 0);
  EXPECT_EQ(Figure(port_, "trunkline_reconnects_total"), 0);
  EXPECT_EQ(Figure(port_, "trunkline_spooled_pending_bytes"), 0);

  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  EXPECT_EQ(HttpGet(port_, "/healthz").status, 0);
}

TEST_F(HttpTest, ReadinessFollowsTheSourceAndTheArchive) {
  Daemon daemon = NewDaemon(port_);
  daemon.Start();
  ASSERT_TRUE(Becomes(port_, 200, "streaming")) << Said(port_, daemon);

  Must(source_.server().Stop(false));
  EXPECT_TRUE(Becomes(port_, 503, "trying again")) << Said(port_, daemon);
  EXPECT_EQ(HttpGet(port_, "/healthz").status, 200);
  Must(source_.server().Restart({}));
  EXPECT_TRUE(Becomes(port_, 200, "streaming")) << Said(port_, daemon);
  EXPECT_GE(Figure(port_, "trunkline_reconnects_total"), 1);
  EXPECT_GE(Figure(port_, "trunkline_errors_total{area=\"capture\",kind=\"unavailable\"}"), 1);

  const std::string away = folder_ / "away";
  std::filesystem::rename(daemon.archive(), away);
  Do("INSERT INTO public.u DEFAULT VALUES");
  EXPECT_TRUE(Becomes(port_, 503, "the archive does not take segments")) << Said(port_, daemon);
  EXPECT_EQ(HttpGet(port_, "/healthz").status, 200);
  EXPECT_EQ(Figure(port_, "trunkline_archive_up"), 0);
  EXPECT_GT(Figure(port_, "trunkline_lag_seconds"), 0);
  std::filesystem::rename(away, daemon.archive());
  EXPECT_TRUE(Becomes(port_, 200, "streaming")) << Said(port_, daemon);

  // A process that stands still does not answer; all of its threads do soon after the signal.
  daemon.program().Signal(SIGSTOP);
  EXPECT_TRUE(Eventually(
      seconds(10), [&] { return HttpGet(port_, "/healthz", milliseconds(500)).status == 0; }));
  daemon.program().Signal(SIGCONT);
  EXPECT_EQ(HttpGet(port_, "/healthz").status, 200);
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
}

TEST_F(HttpTest, AStandbyIsReadyAndTakesOver) {
  const int other_port = FreePort();
  Daemon first = NewDaemon(port_);
  first.Start();
  ASSERT_TRUE(Becomes(port_, 200, "streaming")) << Said(port_, first);
  Daemon second = NewDaemon(other_port);
  second.Start();
  EXPECT_TRUE(Becomes(other_port, 200, "standing by")) << Said(other_port, second);
  EXPECT_EQ(Figure(other_port, "trunkline_state{state=\"standby\"}"), 1);
  EXPECT_EQ(Figure(other_port, "trunkline_reconnects_total"), 0);
  EXPECT_EQ(Figure(other_port, "trunkline_lag_seconds"), -1) << "it cannot know";
  EXPECT_EQ(first.Stop().exit_code, 0) << first.log();
  EXPECT_TRUE(Becomes(other_port, 200, "streaming")) << Said(other_port, second);
  EXPECT_EQ(second.Stop().exit_code, 0) << second.log();
}

TEST_F(HttpTest, APortThatIsTakenEndsTheDaemonBeforeItDoesAnything) {
  Daemon first = NewDaemon(port_);
  first.Start();
  ASSERT_TRUE(Becomes(port_, 200, "")) << Said(port_, first);
  const std::string address = "127.0.0.1:" + std::to_string(port_);
  const Outcome second = RunProgram({Binary("trunklined"), "--source", source_.conninfo(),
                                     "--archive", folder_ / "other", "--http", address});
  ExpectOneLine(second, kFailed, HasSubstr("cannot serve HTTP at " + address));
  EXPECT_THAT(second.err, HasSubstr("choose another one with --http"));
  EXPECT_FALSE(Exists(folder_ / "other"));
  EXPECT_EQ(first.Stop().exit_code, 0) << first.log();
  const Outcome nonsense = RunProgram(
      {Binary("trunklined"), "--source", "x", "--archive", "/a", "--http", "everywhere"});
  ExpectOneLine(nonsense, kUsage, HasSubstr("0.0.0.0:PORT"));
}

}  // namespace
}  // namespace trunkline::test
