// Large transactions, many subtransactions: streamed while in progress, kept in bounded memory.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

// A small decoding memory makes the server stream early, a short timeout makes it demand feedback
// in the middle of a transaction.
const SourceOptions kStreaming = {
    .settings = {"logical_decoding_work_mem = 64kB", "wal_sender_timeout = 5s"}};

// Whatever the number and size of transactions.
constexpr int64_t kMaxMemoryKib = 128 << 10;

// tests/bench/memory runs these tests with larger transactions.
int64_t Scale() {
  const char* scale = std::getenv("TRUNKLINE_MEMORY_SCALE");
  return scale == nullptr ? 1 : std::stoll(scale);
}

void ExpectLittleMemory(const std::string& what, int64_t peak_kib) {
  std::cout << what << ": VmHWM " << peak_kib / 1024 << " MiB\n";
  EXPECT_LT(peak_kib, kMaxMemoryKib) << what;
}

void ExpectReadInLittleMemory(const std::string& archive) {
  for (const std::string command : {"verify", "log"}) {
    Program program({Binary("trunkline"), command, archive}, {.output_file = "/dev/null"});
    int64_t peak_kib = 0;
    while (program.running()) {
      peak_kib = std::max(peak_kib, program.PeakMemoryKib());
      std::this_thread::sleep_for(milliseconds(10));
    }
    EXPECT_EQ(program.Wait(seconds(1)).exit_code, 0);
    ExpectLittleMemory("trunkline " + command, peak_kib);
  }
}

void ExpectRebuilt(const Daemon& daemon, const ExactState& state) {
  TempFolder folder;
  const Outcome outcome =
      Trunkline({"replay", daemon.archive(), "--at", "lsn:" + state.lsn.ToString(), "--to",
                 "csv:" + (folder / "csv")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_EQ(FolderDifference(state.tables, folder / "csv"), "");
}

TEST(TransactionTest, AMillionRowsInOne) {
  Source source(kStreaming);
  const std::string conninfo = source.conninfo();
  source.Connect().Do(
      "CREATE TABLE public.big (id bigint PRIMARY KEY, customer integer, at timestamptz, v text); "
      "CREATE PUBLICATION trunkline FOR TABLE public.big");
  TempFolder folder;
  Daemon daemon({.source = conninfo, .archive = folder / "archive"});
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  Session session(conninfo);
  session.Do(
      "INSERT INTO public.big SELECT g, g % 1000, '2016-11-30'::timestamptz + g * '1 s'::interval, "
      "'row number ' || g FROM generate_series(1, " +
      std::to_string(1'000'000 * Scale()) + ") g");
  const ExactState state = TakeExactState(conninfo, "trunkline");

  daemon.Start();
  int64_t peak_kib = 0;
  const auto started = std::chrono::steady_clock::now();
  EXPECT_TRUE(Eventually(seconds(90) * Scale(), [&] {
    peak_kib = std::max(peak_kib, daemon.program().PeakMemoryKib());
    return ArchiveEnd(daemon.archive()) >= state.lsn || !daemon.program().running();
  })) << daemon.log();
  const double taken =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::cout << Scale() << " million rows in one transaction: " << taken << " s\n";
  ExpectLittleMemory("one large transaction", peak_kib);
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  ExpectReadInLittleMemory(daemon.archive());
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  ExpectRebuilt(daemon, state);
}

TEST(TransactionTest, FiftyLargeOnesAtOnce) {
  constexpr int kSessions = 50;
  Source source(kStreaming);
  const std::string conninfo = source.conninfo();
  source.Connect().Do(
      "CREATE TABLE public.big (id bigserial PRIMARY KEY, session integer, v text); "
      "CREATE PUBLICATION trunkline FOR TABLE public.big");
  TempFolder folder;
  Daemon daemon({.source = conninfo, .archive = folder / "archive"});
  daemon.Start();
  daemon.AwaitSnapshot();
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < kSessions; ++i) {
    sessions.push_back(std::make_unique<Session>(conninfo));
    sessions.back()->Do("BEGIN");
  }
  // Each has parts between those of all others, and takes some of its own back.
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < kSessions; ++i) {
      const std::string rows = "INSERT INTO public.big (session, v) SELECT " + std::to_string(i) +
                               ", pg_catalog.md5(g::text) FROM pg_catalog.generate_series(1, " +
                               std::to_string(1500 * Scale()) + ") g";
      sessions[i]->Do(rows + "; SAVEPOINT s; " + rows + "; ROLLBACK TO s");
    }
  }
  for (auto& session : sessions) session->Do("COMMIT");
  const ExactState state = TakeExactState(conninfo, "trunkline");
  source.Connect().Do("INSERT INTO public.big (v) VALUES ('ends the last segment')");
  daemon.AwaitEnd(state.lsn, seconds(180) * Scale());
  ExpectLittleMemory("fifty large transactions at once", daemon.program().PeakMemoryKib());
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  ExpectReadInLittleMemory(daemon.archive());
  ExpectRebuilt(daemon, state);
}

TEST(TransactionTest, StoppedInTheMiddleOfOne) {
  Source source(kStreaming);
  const std::string conninfo = source.conninfo();
  source.Connect().Do(
      "CREATE TABLE public.big (id bigint PRIMARY KEY, v text); "
      "CREATE PUBLICATION trunkline FOR TABLE public.big");
  TempFolder folder;
  Daemon daemon({.source = conninfo, .archive = folder / "archive"});
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  Session open(conninfo);
  open.Do("BEGIN; INSERT INTO public.big SELECT g, 'v' FROM generate_series(1, 100000) g");
  Session(conninfo).Do("INSERT INTO public.big VALUES (0, 'committed beside it')");
  for (const bool kill : {false, true}) {
    daemon.Start();
    std::this_thread::sleep_for(milliseconds(800));
    if (kill) {
      daemon.Kill();
    } else if (const Outcome outcome = daemon.Stop(); outcome.exit_code != 0) {
      ADD_FAILURE() << outcome;
    }
  }
  daemon.Start();
  open.Do("UPDATE public.big SET v = 'w' WHERE id % 2 = 1");
  std::this_thread::sleep_for(milliseconds(500));
  open.Do("COMMIT");
  const ExactState state = TakeExactState(conninfo, "trunkline");
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  ExpectRebuilt(daemon, state);
}

// One writer's transaction: rows in nested savepoints, some of which are rolled back, with whole
// chunks streamed between.
std::string NestedTransaction(int writer, int number) {
  const std::string base = std::to_string(writer * 1'000'000 + number * 10'000);
  std::string sql = "BEGIN; ";
  for (int i = 0; i < 12; ++i) {
    const std::string from = base + " + " + std::to_string(i * 300);
    sql += "SAVEPOINT a; INSERT INTO public.nested SELECT " + from +
           " + g, 'outer' FROM generate_series(1, 150) g; SAVEPOINT b; "
           "UPDATE public.nested SET v = 'inner' WHERE id BETWEEN " +
           from + " AND " + from + " + 100; INSERT INTO public.nested SELECT " + from +
           " + 150 + g, 'inner' FROM generate_series(1, 100) g; ";
    sql += i % 3 == 0 ? "ROLLBACK TO SAVEPOINT b; " : i % 3 == 1 ? "RELEASE SAVEPOINT b; " : "";
    sql += i % 5 == 4 ? "ROLLBACK TO SAVEPOINT a; " : i % 2 == 0 ? "RELEASE SAVEPOINT a; " : "";
  }
  return sql + (number % 4 == 3 ? "ROLLBACK" : "COMMIT");
}

TEST(TransactionTest, ManySubtransactionsRolledBackAndInterleaved) {
  Source source(kStreaming);
  const std::string conninfo = source.conninfo();
  source.Connect().Do(
      "CREATE TABLE public.nested (id bigint PRIMARY KEY, v text); "
      "CREATE PUBLICATION trunkline FOR TABLE public.nested");
  TempFolder folder;
  Daemon daemon({.source = conninfo,
                 .archive = folder / "archive",
                 .arguments = {"--segment-max-bytes", "200000"}});
  daemon.Start();
  daemon.AwaitSnapshot();
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&conninfo, writer] {
      Session session(conninfo);
      for (int i = 0; i < 8; ++i) session.Do(NestedTransaction(writer, i));
    });
  }
  for (std::thread& writer : writers) writer.join();
  // As many subtransactions as one transaction may well have.
  Session session(conninfo);
  session.Do(
      "DO $$ BEGIN FOR i IN 1..5000 LOOP BEGIN INSERT INTO public.nested VALUES (-i, 'sub'); "
      "IF i % 3 = 0 THEN RAISE EXCEPTION 'back'; END IF; EXCEPTION WHEN raise_exception THEN "
      "NULL; END; END LOOP; END $$");
  const ExactState state = TakeExactState(conninfo, "trunkline");
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  ExpectRebuilt(daemon, state);
}

}  // namespace
}  // namespace trunkline::test
