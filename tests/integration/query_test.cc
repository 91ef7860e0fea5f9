// trunkline query: SQL on the past without a server, the three stages among it; and targets that
// are times.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <iostream>

#include "tests/integration/refusal.h"
#include "tests/support/archived.h"
#include "tests/support/csv.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;

// Pete's Peanuts with some days of trade, half of them after an instant that is kept.
class StageTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    source_ = std::make_unique<Source>();
    folder_ = std::make_unique<TempFolder>();
    conninfo_ = source_->NewDatabase("peanuts");
    Session session(conninfo_);
    session.Do("SET search_path = public");
    session.Do(ReadFile(SourceFile("sql/schema.sql")));
    session.Do(ReadFile(SourceFile("sql/customers.sql")));
    session.Do(ReadFile(SourceFile("sql/generate.sql")));
    session.Do("CREATE PUBLICATION trunkline FOR TABLE public.customers, public.orders");
    Daemon daemon({.source = conninfo_, .archive = archive()});
    RunToNow(&daemon);
    session.Do("CALL peanuts.simulate(days => 70, seed => 1, start => '2016-08-02')");
    RunToNow(&daemon);
    early_ = ArchiveEnd(archive());
    Stages(kEarly, &expected_early_);
    session.Do("CALL peanuts.simulate(days => 40, seed => 1, start => '2016-10-11')");
    RunToNow(&daemon);
    Stages(kLate, &expected_late_);
  }
  static void TearDownTestSuite() {
    source_.reset();
    folder_.reset();
  }
  static void RunToNow(Daemon* daemon) {
    if (const Outcome outcome = daemon->RunTo("now"); outcome.exit_code != 0) {
      throw std::runtime_error(outcome.err);
    }
  }

  // What each stage says on the live database.
  static void Stages(const std::string& as_of, std::map<std::string, std::string>* results) {
    Session session(conninfo_);
    session.Do("SET search_path = public; SET trunkline.as_of = " + postgres::QuoteLiteral(as_of));
    for (const char* stage : {"shipping", "retention", "report"}) {
      std::string sql = ReadFile(SourceFile("sql/" + std::string(stage) + ".sql"));
      sql.erase(sql.find_last_of(';'));
      (*results)[stage] = session.CopyOut("COPY (" + sql + ") TO STDOUT (FORMAT csv, HEADER)");
    }
  }
  static std::string archive() { return *folder_ / "archive"; }

  static constexpr char kEarly[] = "2016-10-11 00:00:00+00";
  static constexpr char kLate[] = "2016-11-20 00:00:00+00";
  static std::unique_ptr<Source> source_;
  static std::unique_ptr<TempFolder> folder_;
  static std::string conninfo_;
  static Lsn early_;
  static std::map<std::string, std::string> expected_early_;
  static std::map<std::string, std::string> expected_late_;
};
std::unique_ptr<Source> StageTest::source_;
std::unique_ptr<TempFolder> StageTest::folder_;
std::string StageTest::conninfo_;
Lsn StageTest::early_;
std::map<std::string, std::string> StageTest::expected_early_;
std::map<std::string, std::string> StageTest::expected_late_;

TEST_F(StageTest, StagesSayOfThePastWhatTheySaidThen) {
  for (const auto& [stage, expected] : expected_early_) {
    ASSERT_GT(CsvRecords(expected).size(), 1U) << stage << " has nothing to say: a weak test";
    const Outcome outcome =
        Trunkline({"query", archive(), "--at", "lsn:" + early_.ToString(), "-f",
                   SourceFile("sql/" + stage + ".sql"), "--format", "csv", "--as-of", kEarly});
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_EQ(outcome.out, expected) << stage;
  }
  for (const auto& [stage, expected] : expected_late_) {
    const Outcome outcome =
        Trunkline({"query", archive(), "--at", "latest", "-f", SourceFile("sql/" + stage + ".sql"),
                   "--format", "csv", "--as-of", kLate, "--output", *folder_ / "result.csv"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(ReadFile(*folder_ / "result.csv"), expected) << stage;
  }
}

TEST_F(StageTest, TheInstantIsTheTargetsCommitTimeUnlessSaid) {
  const auto transactions = ArchivedTransactions(archive());
  ASSERT_FALSE(transactions.empty());
  const std::string sql = "SELECT current_setting('trunkline.as_of')::timestamptz = " +
                          postgres::QuoteLiteral(transactions.back().commit_time.ToString()) +
                          "::timestamptz AS same";
  const Outcome outcome =
      Trunkline({"query", archive(), "--at", "latest", "-c", sql, "--format", "csv"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_EQ(outcome.out, "same\nt\n");
}

TEST_F(StageTest, AFailingQueryLeavesNothing) {
  TempFolder scratch;
  const auto query = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"query", archive(), "--at", "latest"});
    return Trunkline(std::move(arguments), seconds(60),
                     {.environment = {{"TMPDIR", scratch.path()}}});
  };
  ExpectRefused(query({"-c", "SELECT nonsense FROM orders", "--output", *folder_ / "kept"}),
                kFailed, HasSubstr("nonsense"));
  EXPECT_FALSE(Exists(*folder_ / "kept"));
  ExpectRefused(query({"-f", "/nowhere.sql"}), kFailed, HasSubstr("/nowhere.sql"));
  EXPECT_EQ(FilesBelow(scratch.path()).size(), 0U);
}

TEST_F(StageTest, AnInterruptedQueryLeavesNothing) {
  for (const int signal : {SIGTERM, SIGKILL}) {
    TempFolder scratch;
    Program query(
        {Binary("trunkline"), "query", archive(), "--at", "latest", "-c", "SELECT pg_sleep(60)"},
        {.environment = {{"TMPDIR", scratch.path()}}});
    std::this_thread::sleep_for(seconds(3));
    EXPECT_TRUE(query.running());
    query.Signal(signal);
    const Outcome outcome = query.Wait(seconds(10));
    EXPECT_FALSE(outcome.timed_out);
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_TRUE(Eventually(seconds(10), [&] { return FilesBelow(scratch.path()).empty(); }))
        << "signal " << signal << " left a server";
  }
}

TEST_F(StageTest, OddSqlAndOddOutput) {
  const auto query = [&](const std::string& sql) {
    return Trunkline({"query", archive(), "--at", "latest", "-c", sql, "--format", "csv"}).out;
  };
  EXPECT_EQ(query("SELECT NULL AS a, '' AS b, E'x\\ny' AS \"c,d\", (SELECT count(*) FROM public . "
                  "\"customers\" c JOIN customers o USING (id)) AS n"),
            "a,b,\"c,d\",n\n,\"\",\"x\ny\",12\n");
  EXPECT_EQ(query("/* no table */ SELECT 'customers' AS x WHERE false;"), "x\n");
}

// ---- targets that are times, on a load whose commit times are not in LSN order

TEST(TimeTargetTest, StopsBeforeTheFirstCommitLaterThanIt) {
  Source source;
  const std::string conninfo = source.conninfo();
  source.Connect().Do(
      "CREATE TABLE public.journal (id xid8 PRIMARY KEY); "
      "CREATE PUBLICATION trunkline FOR TABLE public.journal");
  TempFolder folder;
  Daemon daemon({.source = conninfo, .archive = folder / "archive"});
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  std::vector<std::thread> writers;
  constexpr int kWriters = 16;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&conninfo] {
      Session session(conninfo);
      for (int n = 0; n < 1500; ++n) {
        session.Do("INSERT INTO public.journal VALUES (pg_catalog.pg_current_xact_id())");
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();

  const auto transactions = ArchivedTransactions(daemon.archive());
  ASSERT_EQ(transactions.size(), static_cast<size_t>(kWriters) * 1500);
  std::vector<Timestamp> targets = {transactions[0].commit_time,
                                    transactions[transactions.size() / 2].commit_time,
                                    transactions.back().commit_time};
  size_t inversions = 0;
  for (size_t i = 1; i < transactions.size(); ++i) {
    if (transactions[i].commit_time >= transactions[i - 1].commit_time) continue;
    if (++inversions > 3) continue;
    targets.push_back(transactions[i].commit_time);
    targets.push_back(transactions[i - 1].commit_time);
    targets.push_back(Timestamp{transactions[i - 1].commit_time.micros - 1});
  }
  std::cout << inversions << " commits older than the one before\n";
  for (const Timestamp target : targets) {
    std::string expected = "id\n";
    for (const TransactionInfo& transaction : transactions) {
      if (transaction.commit_time > target) break;
      expected += std::to_string(transaction.xid.value) + "\n";
    }
    const std::string csv = folder / "csv" + std::to_string(target.micros);
    const Outcome outcome = Trunkline(
        {"replay", daemon.archive(), "--at", target.ToString(), "--to", "csv:" + csv, "--force"});
    // Nothing later shows that the last commit's time has passed.
    if (target == transactions.back().commit_time && outcome.exit_code == kFailed) continue;
    ASSERT_EQ(outcome.exit_code, 0) << target.ToString() << "\n" << outcome;
    EXPECT_EQ(CsvDifference(expected, ReadFile(csv + "/public.journal.csv")), "")
        << target.ToString();
  }
}

}  // namespace
}  // namespace trunkline::test
