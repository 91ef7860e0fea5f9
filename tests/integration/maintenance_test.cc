// An archive that is looked after while a daemon appends to it: segments merged, new base snapshots
// taken, old history removed; every state that is kept stays exact.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "archive/catalog.h"
#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;

class MaintenanceTest : public testing::Test {
 protected:
  MaintenanceTest() {
    conninfo_ = source_.NewDatabase("shop", R"(
        CREATE TABLE public.keyed (id int PRIMARY KEY, note text);
        CREATE TABLE public."Odd ""name""" (a text);
        ALTER TABLE public."Odd ""name""" REPLICA IDENTITY FULL;
        INSERT INTO public.keyed SELECT i, 'row ' || i FROM generate_series(1, 500) i;
        CREATE PUBLICATION trunkline FOR ALL TABLES)");
  }

  void Change(Session* session, int round) {
    const std::string n = std::to_string(round);
    session->Do("UPDATE public.keyed SET note = note || '-" + n + "' WHERE id % 7 = " + n + " % 7");
    session->Do("INSERT INTO public.\"Odd \"\"name\"\"\" VALUES (NULL), (''), ('\"" + n + "')");
    if (round % 3 == 0) session->Do("DELETE FROM public.keyed WHERE id = " + n);
    session->Do("SELECT pg_catalog.pg_logical_emit_message(true, 'trunkline.restore_point', 'p" +
                n + "')");
  }
  void ExpectExact(const ExactState& state) {
    const Outcome outcome = Trunkline({"replay", archive(), "--at", "lsn:" + state.lsn.ToString(),
                                       "--to", "csv:" + (folder_ / "csv"), "--force"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "") << state.lsn.ToString();
  }
  // What was committed so far. WAL of others behind it (a snapshot's slot writes some) is not
  // archived before the next commit.
  void AwaitArchived(Daemon* daemon, Session* session) const {
    const Lsn committed = session->CurrentLsn();
    session->Do(flush_);
    daemon->AwaitEnd(committed);
  }
  Catalog Listed() { return Must(LoadCatalog(*Must(OpenStore(archive())))); }
  std::string archive() const { return folder_ / "archive"; }

  // So that the archive reaches past what was committed before.
  const std::string flush_ = "SELECT pg_catalog.pg_logical_emit_message(true, 'flush', '')";
  Source source_;
  std::string conninfo_;
  TempFolder folder_;
};

TEST_F(MaintenanceTest, BesideARunningDaemon) {
  Daemon daemon({.source = conninfo_,
                 .archive = archive(),
                 .arguments = {"--segment-max-age", "50ms", "--snapshot-every", "2kB"}});
  daemon.Start();
  daemon.AwaitSnapshot();
  Session session(conninfo_);
  std::vector<ExactState> states;
  for (int round = 1; round <= 24; ++round) {
    Change(&session, round);
    if (round % 8 == 0) states.push_back(TakeExactState(conninfo_, "trunkline"));
    if (round % 6 == 0) {
      AwaitArchived(&daemon, &session);
      const Outcome merged = Trunkline({"compact", archive()});
      EXPECT_EQ(merged.exit_code, 0) << merged;
    }
    if (round == 13) {
      daemon.Kill();
      daemon.Start();
    }
  }
  const auto bases = [this] {
    const std::vector<SnapshotEntry> snapshots = Listed().snapshots;
    return std::count_if(snapshots.begin(), snapshots.end(),
                         [](const SnapshotEntry& snapshot) { return snapshot.complete; });
  };
  EXPECT_TRUE(Eventually(seconds(30), [&] { return bases() >= 2; })) << daemon.log();
  AwaitArchived(&daemon, &session);
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  EXPECT_THAT(daemon.log(), HasSubstr("a new base snapshot is due"));

  EXPECT_EQ(Trunkline({"compact", archive()}).exit_code, 0);
  EXPECT_LE(Listed().segments.size(), static_cast<size_t>(bases()) + 3);
  for (const ExactState& state : states) ExpectExact(state);

  const Outcome plan = Trunkline({"retain", archive(), "--keep-from", "latest"});
  EXPECT_EQ(plan.exit_code, 0) << plan;
  EXPECT_THAT(plan.out, HasSubstr("restore point p1 "));
  ExpectExact(states.front());
  const Outcome kept = Trunkline({"retain", archive(), "--keep-from", "latest", "--yes"});
  EXPECT_EQ(kept.exit_code, 0) << kept;
  EXPECT_EQ(bases(), 1);
  EXPECT_EQ(Trunkline({"verify", archive()}).exit_code, 0);

  session.Do("DELETE FROM public.keyed WHERE id > 400");
  const ExactState last = TakeExactState(conninfo_, "trunkline");
  session.Do(flush_);
  EXPECT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  ExpectExact(last);
}

// A log that nobody reads for a while: what comes next is merged meanwhile, then removed.
class PausedLog {
 public:
  explicit PausedLog(const std::string& archive)
      : pipe_(popen((Binary("trunkline") + " log " + archive + " --format text").c_str(), "r")) {
    text_ += static_cast<char>(std::fgetc(pipe_));
  }
  ~PausedLog() {
    if (pipe_ != nullptr) pclose(pipe_);
  }
  std::string ReadOn() {
    for (int c = std::fgetc(pipe_); c != EOF; c = std::fgetc(pipe_)) text_ += static_cast<char>(c);
    exit_code_ = WEXITSTATUS(pclose(std::exchange(pipe_, nullptr)));
    return text_;
  }
  int exit_code() const { return exit_code_; }

 private:
  std::FILE* pipe_;
  std::string text_;
  int exit_code_ = -1;
};

TEST_F(MaintenanceTest, ALogGoesOnWhereWhatComesNextIsMergedAndSaysSoWhereItIsRemoved) {
  Daemon daemon({.source = conninfo_,
                 .archive = archive(),
                 .arguments = {"--segment-max-bytes", "20kB", "--segment-max-age", "1h"}});
  daemon.RunTo("now");
  Session session(conninfo_);
  for (int round = 0; round < 60; ++round) {
    session.Do("UPDATE public.keyed SET note = md5(random()::text) || md5(random()::text)");
    session.Do(
        "INSERT INTO public.\"Odd \"\"name\"\"\" SELECT md5(i::text) FROM "
        "generate_series(1, 300) i");
  }
  EXPECT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  ASSERT_GT(Listed().segments.size(), 12U);
  const std::string whole = Trunkline({"log", archive(), "--format", "text"}).out;
  {
    PausedLog log(archive());
    EXPECT_EQ(Trunkline({"compact", archive(), "--target-bytes", "60kB"}).exit_code, 0);
    EXPECT_TRUE(log.ReadOn() == whole);
    EXPECT_EQ(log.exit_code(), 0);
  }
  PausedLog log(archive());
  EXPECT_EQ(Trunkline({"snapshot", archive()}).exit_code, 0);
  EXPECT_EQ(Trunkline({"retain", archive(), "--keep-from", "latest", "--yes"}).exit_code, 0);
  EXPECT_TRUE(whole.starts_with(log.ReadOn()));
  EXPECT_EQ(log.exit_code(), 1);
  const Outcome from_removed = Trunkline({"log", archive(), "--from", "lsn:0/1"});
  EXPECT_EQ(from_removed.exit_code, 1) << from_removed;
  EXPECT_THAT(from_removed.err, HasSubstr("was removed"));
}

}  // namespace
}  // namespace trunkline::test
