// Stopping, killing and starting the daemon at any point leaves no duplicate and no hole.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <iostream>
#include <random>
#include <set>

#include "tests/integration/load.h"
#include "tests/support/archived.h"
#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"
#include "tests/support/twin_slot.h"

namespace trunkline::test {
namespace {

constexpr char kJournal[] = R"(
  CREATE TABLE public.journal (n serial PRIMARY KEY, v text);
  CREATE TABLE public.unpublished (n serial PRIMARY KEY, v text);
  CREATE PUBLICATION trunkline FOR TABLE public.journal)";

void ExpectWhole(const std::string& archive) {
  const Outcome verified = Trunkline({"verify", archive});
  EXPECT_EQ(verified.exit_code, 0) << verified;
}

void ExpectEqual(const std::string& archive, const ExactState& state) {
  TempFolder folder;
  const Outcome outcome = Trunkline({"replay", archive, "--at", "lsn:" + state.lsn.ToString(),
                                     "--to", "csv:" + (folder / "csv")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_EQ(FolderDifference(state.tables, folder / "csv"), "");
}

Lsn FirstBegin(const std::string& archive) {
  const std::string first = Segments(archive).at(0);
  return Must(Lsn::FromHex16(first.substr(std::string("changes/").size(), 16)));
}

std::vector<uint32_t> Numbers(const std::vector<Xid>& xids) {
  std::vector<uint32_t> numbers;
  for (const Xid xid : xids) numbers.push_back(xid.value);
  return numbers;
}

// The same transactions in the same order, as the server's own decoding has them; says where the
// two part.
void ExpectSameTransactions(const std::string& archive, TwinSlot* twin) {
  const std::vector<uint32_t> want = Numbers(twin->Transactions(FirstBegin(archive)));
  std::vector<uint32_t> have;
  for (const TransactionInfo& transaction : ArchivedTransactions(archive)) {
    have.push_back(transaction.xid.value);
  }
  const size_t common = static_cast<size_t>(
      std::mismatch(want.begin(), want.begin() + std::min(want.size(), have.size()), have.begin())
          .first -
      want.begin());
  if (want == have) return;
  ADD_FAILURE() << want.size() << " transactions expected, " << have.size()
                << " archived; they part at number " << common << ": expected xid "
                << (common < want.size() ? want[common] : 0) << ", archived "
                << (common < have.size() ? have[common] : 0);
}

// What is confirmed to the source must be in the archive: asked in this order, as both only grow.
void ExpectNothingUndurableConfirmed(const Source& source, const std::string& archive) {
  const auto slots = source.Connect().Table(
      "SELECT confirmed_flush_lsn FROM pg_catalog.pg_replication_slots "
      "WHERE slot_name = 'trunkline'");
  if (slots.empty()) return;
  const Lsn end = ArchiveEnd(archive);
  if (!end.valid()) return;
  EXPECT_LE(Must(Lsn::Parse(slots[0][0])), end) << "confirmed what no segment holds";
}

// A signal that comes before the program's main function ends it as the system does.
bool EndedBeforeMain(const Outcome& outcome) {
  return outcome.exit_code == 128 + SIGTERM && outcome.elapsed_seconds < 1;
}

TEST(ResumeTest, StoppedAndKilledAtRandomPoints) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  Random random(seed);
  Source source;
  const std::string conninfo = source.conninfo();
  CreateLoadSchema(conninfo);
  TwinSlot twin(conninfo);
  TempFolder folder;
  Daemon daemon({.source = conninfo,
                 .archive = folder / "archive",
                 .arguments = {"--segment-max-age", "200ms", "--segment-max-bytes", "300000"}});
  ConcurrentLoad load(conninfo, 3, seed, {.logical_messages = false});
  for (int round = 0; round < 16; ++round) {
    daemon.Start();
    // The first rounds end while the base snapshot is on its way.
    const int64_t longest = round < 5 ? 50 + 100 * round : 1500;
    std::this_thread::sleep_for(
        milliseconds(std::uniform_int_distribution<int64_t>(5, longest)(random)));
    ExpectNothingUndurableConfirmed(source, daemon.archive());
    if (random() % 4 != 0) {
      daemon.Kill();
    } else if (const Outcome stopped = daemon.Stop();
               stopped.exit_code != 0 && !EndedBeforeMain(stopped)) {
      ADD_FAILURE() << "round " << round << "\n" << stopped;
    }
    ExpectNothingUndurableConfirmed(source, daemon.archive());
  }
  load.Stop();
  const ExactState state = TakeExactState(conninfo, "trunkline");
  const Outcome ended = daemon.RunTo("now");
  ASSERT_EQ(ended.exit_code, 0) << daemon.log();
  ExpectWhole(daemon.archive());
  ExpectSameTransactions(daemon.archive(), &twin);
  ExpectEqual(daemon.archive(), state);
  std::cout << load.committed() << " transactions, " << Segments(daemon.archive()).size()
            << " segments\n";
}

TEST(ResumeTest, TheSourceComesAndGoes) {
  Source source;
  const std::string conninfo = source.conninfo();
  source.Connect().Do(kJournal);
  TwinSlot{conninfo};  // the slot outlives its session
  TempFolder folder;
  Daemon daemon({.source = conninfo,
                 .archive = folder / "archive",
                 .arguments = {"--segment-max-age", "200ms"}});
  daemon.Start();
  daemon.AwaitSnapshot();
  const auto insert = [&] {
    source.Connect().Do("INSERT INTO public.journal (v) SELECT g FROM generate_series(1, 500) g");
  };
  insert();
  for (int i = 0; i < 3; ++i) {
    source.Connect().Do(
        "SELECT pg_catalog.pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots "
        "WHERE slot_name = 'trunkline' AND active");
    insert();
    std::this_thread::sleep_for(milliseconds(300));
  }
  Must(source.server().Restart({}));
  insert();
  Must(source.server().Stop(true));
  std::this_thread::sleep_for(seconds(1));
  ASSERT_TRUE(daemon.program().running()) << daemon.log();
  Must(source.server().Restart({}));
  insert();
  std::this_thread::sleep_for(seconds(1));
  const Outcome stopped = daemon.Stop();
  EXPECT_EQ(stopped.exit_code, 0) << stopped;
  const ExactState state = TakeExactState(conninfo, "trunkline");
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  ExpectWhole(daemon.archive());
  TwinSlot twin(conninfo);
  ExpectSameTransactions(daemon.archive(), &twin);
  ExpectEqual(daemon.archive(), state);
}

TEST(ResumeTest, EndposIsReachedExactlyAndAlwaysEnds) {
  Source source;
  const std::string conninfo = source.conninfo();
  source.Connect().Do(kJournal);
  TempFolder folder;
  Daemon daemon({.source = conninfo, .archive = folder / "archive"});
  // An idle source: nothing ever comes after the position.
  for (int i = 0; i < 3; ++i) {
    const Outcome outcome = daemon.RunTo("now", seconds(20));
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
  }
  Session session(conninfo);
  session.Do("INSERT INTO public.journal (v) VALUES ('before')");
  const ExactState state = TakeExactState(conninfo, "trunkline");
  session.Do("INSERT INTO public.journal (v) SELECT 'after' FROM generate_series(1, 1000)");
  for (int i = 0; i < 50; ++i) session.Do("INSERT INTO public.journal (v) VALUES ('later')");
  const Outcome outcome = daemon.RunTo(state.lsn.ToString(), seconds(20));
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_GE(ArchiveEnd(daemon.archive()), state.lsn);
  ExpectEqual(daemon.archive(), state);
  // A position that the archive has long passed.
  EXPECT_EQ(daemon.RunTo("0/1", seconds(20)).exit_code, 0) << daemon.log();
  const ExactState late = TakeExactState(conninfo, "trunkline");
  ASSERT_EQ(daemon.RunTo("now", seconds(20)).exit_code, 0) << daemon.log();
  ExpectWhole(daemon.archive());
  ExpectEqual(daemon.archive(), late);
}

TEST(ResumeTest, ACleanStopPublishesWhatItHas) {
  Source source;
  const std::string conninfo = source.conninfo();
  source.Connect().Do(kJournal);
  for (const int signal : {SIGTERM, SIGINT}) {
    TempFolder folder;
    Daemon daemon(
        {.source = conninfo,
         .archive = folder / "archive",
         .arguments = {"--slot", "slot_" + std::to_string(signal), "--segment-max-age", "1h"}});
    daemon.Start();
    daemon.AwaitSnapshot();
    source.Connect().Do("INSERT INTO public.journal (v) VALUES ('kept')");
    const ExactState state = TakeExactState(conninfo, "trunkline");
    std::this_thread::sleep_for(seconds(2));
    const Outcome outcome = daemon.Stop(signal);
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_LT(outcome.elapsed_seconds, 8);
    EXPECT_GE(ArchiveEnd(daemon.archive()), state.lsn) << "the stop threw away what it had";
    ExpectWhole(daemon.archive());
    ExpectEqual(daemon.archive(), state);
  }
}

TEST(ResumeTest, ALoneTransactionIsPublishedByAge) {
  Source source;
  const std::string conninfo = source.conninfo();
  source.Connect().Do(kJournal);
  TempFolder folder;
  Daemon daemon({.source = conninfo,
                 .archive = folder / "archive",
                 .arguments = {"--segment-max-age", "1s"}});
  daemon.Start();
  daemon.AwaitSnapshot();
  Session session(conninfo);
  for (int i = 0; i < 2; ++i) {
    session.Do("INSERT INTO public.journal (v) VALUES ('lone')");
    EXPECT_TRUE(Eventually(seconds(6), [&] {
      return ArchivedTransactions(daemon.archive()).size() == static_cast<size_t>(i + 1);
    })) << daemon.log();
  }
}

// Other tables' WAL must not pile up behind an idle publication.
TEST(ResumeTest, AnIdlePublicationDoesNotPinTheWal) {
  Source source({.settings = {"wal_sender_timeout = 4s"}});
  const std::string conninfo = source.conninfo();
  source.Connect().Do(kJournal);
  TempFolder folder;
  Daemon daemon({.source = conninfo,
                 .archive = folder / "archive",
                 .arguments = {"--segment-max-age", "1s"}});
  daemon.Start();
  daemon.AwaitSnapshot();
  Session session(conninfo);
  for (int i = 0; i < 10; ++i) {
    session.Do(
        "INSERT INTO public.unpublished (v) "
        "SELECT repeat('x', 100) FROM generate_series(1, 50000)");
  }
  const auto behind = [&] {
    return std::stoll(
        session.One("SELECT (pg_catalog.pg_current_wal_flush_lsn() - confirmed_flush_lsn)::bigint "
                    "FROM pg_catalog.pg_replication_slots WHERE slot_name = 'trunkline'"));
  };
  EXPECT_TRUE(Eventually(seconds(30), [&] { return behind() <= 20'000'000; }))
      << behind() << " bytes of WAL are kept\n"
      << daemon.log();
  ExpectNothingUndurableConfirmed(source, daemon.archive());
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  ExpectWhole(daemon.archive());
}

// Whatever is in flight: never a position in the middle of a transaction, or one that no segment
// ends at.
TEST(ResumeTest, OnlyEndsOfSegmentsAreConfirmed) {
  Source source({.settings = {"logical_decoding_work_mem = 64kB"}});
  const std::string conninfo = source.conninfo();
  source.Connect().Do(kJournal);
  TempFolder folder;
  Daemon daemon({.source = conninfo,
                 .archive = folder / "archive",
                 .arguments = {"--segment-max-age", "20ms"}});
  daemon.Start();
  daemon.AwaitSnapshot();
  Session session(conninfo);
  const std::string asks =
      "SELECT confirmed_flush_lsn FROM pg_catalog.pg_replication_slots "
      "WHERE slot_name = 'trunkline'";
  std::set<std::string> confirmed;
  const std::string begun = session.One(asks);
  {
    std::atomic<bool> done = false;
    std::vector<std::jthread> writers;
    for (const int rows : {1, 20, 20'000}) {
      writers.emplace_back([&, rows] {
        Session writer(conninfo);
        while (!done) {
          writer.Do("INSERT INTO public.journal (v) SELECT g FROM generate_series(1, " +
                    std::to_string(rows) + ") g");
        }
      });
    }
    EXPECT_TRUE(Eventually(seconds(120), [&] {
      confirmed.insert(session.One(asks));
      return confirmed.size() > 10;
    })) << daemon.log();
    done = true;
  }
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  std::set<std::string> ends = {begun};
  for (const std::string& segment : Segments(daemon.archive())) {
    ends.insert(Must(Lsn::FromHex16(segment.substr(segment.size() - 20, 16))).ToString());
  }
  for (const std::string& lsn : confirmed) EXPECT_TRUE(ends.contains(lsn)) << lsn;
  ExpectWhole(daemon.archive());  // every transaction of a segment is whole
}

TEST(ResumeTest, ADaemonThatWasFrozenGoesOn) {
  Source source({.settings = {"wal_sender_timeout = 1s"}});
  const std::string conninfo = source.conninfo();
  source.Connect().Do(kJournal);
  TwinSlot twin(conninfo);
  TempFolder folder;
  Daemon daemon({.source = conninfo,
                 .archive = folder / "archive",
                 .arguments = {"--segment-max-age", "200ms"}});
  daemon.Start();
  daemon.AwaitSnapshot();
  Session session(conninfo);
  for (int i = 0; i < 3; ++i) {
    session.Do("INSERT INTO public.journal (v) SELECT g FROM generate_series(1, 100) g");
    daemon.program().Signal(SIGSTOP);
    session.Do("INSERT INTO public.journal (v) SELECT g FROM generate_series(1, 100) g");
    std::this_thread::sleep_for(milliseconds(2500));
    daemon.program().Signal(SIGCONT);
    std::this_thread::sleep_for(milliseconds(700));
  }
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  ExpectWhole(daemon.archive());
  ExpectSameTransactions(daemon.archive(), &twin);
}

}  // namespace
}  // namespace trunkline::test
