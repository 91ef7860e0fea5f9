// Tables whose rows the stream does not tell: refused where they are in doubt, exact again from a
// snapshot of the table on. And base snapshots that are cut short, and copied in ranges.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <set>

#include "tests/integration/load.h"
#include "tests/integration/refusal.h"
#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ArchiveTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { source_ = std::make_unique<Source>(); }
  static void TearDownTestSuite() { source_.reset(); }
  void TearDown() override {
    daemon_.reset();
    session_.reset();
    source_->DropDatabase(database_);
  }

  void MakeDatabase(const std::string& sql) {
    database_ = testing::UnitTest::GetInstance()->current_test_info()->name();
    conninfo_ = source_->NewDatabase(database_, sql);
    session_ = std::make_unique<Session>(conninfo_);
  }
  void MakeDaemon(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.end(), {"--segment-max-age", "100ms"});
    daemon_ = std::make_unique<Daemon>(
        DaemonOptions{.source = conninfo_, .archive = archive(), .arguments = arguments});
  }
  void Do(const std::string& sql) { session_->Do(sql); }
  void RunToNow() {
    // What only readers wrote is flushed with the next commit, or seconds later.
    Do("SELECT pg_catalog.pg_logical_emit_message(true, 'flush', '')");
    const Outcome outcome = daemon_->RunTo("now");
    ASSERT_EQ(outcome.exit_code, 0) << daemon_->log();
  }
  ExactState State() { return TakeExactState(conninfo_, "trunkline"); }

  Outcome Replay(Lsn lsn, const std::string& tables = {}) {
    std::vector<std::string> command = {
        "replay", archive(), "--at", "lsn:" + lsn.ToString(), "--to", "csv:" + (folder_ / "csv"),
        "--force"};
    if (!tables.empty()) command.insert(command.end(), {"--tables", tables});
    return Trunkline(command);
  }
  void ExpectExact(const ExactState& state, const std::string& what) {
    const Outcome outcome = Replay(state.lsn);
    ASSERT_EQ(outcome.exit_code, 0) << what << " at " << state.lsn.ToString() << "\n"
                                    << outcome << daemon_->log();
    EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "")
        << what << " at " << state.lsn.ToString();
  }
  void ExpectVerified() {
    const Outcome verified = Trunkline({"verify", archive()});
    EXPECT_EQ(verified.exit_code, 0) << verified;
    EXPECT_THAT(verified.out, Not(HasSubstr("note "))) << verified;
  }

  // Relative to the archive.
  std::vector<std::string> SnapshotObjects(const std::string& suffix) const {
    std::vector<std::string> found;
    for (const std::string& name : FilesBelow(archive() + "/snapshots")) {
      if (name.ends_with(suffix)) found.push_back("snapshots/" + name);
    }
    return found;
  }
  // Manifests of single tables.
  std::vector<std::string> Tables(const std::string& table) const {
    return SnapshotObjects("/public." + table + ".complete");
  }
  static Lsn LsnOf(const std::string& object) {
    return Must(Lsn::FromHex16(object.substr(std::string("snapshots/").size(), 16)));
  }
  std::string archive() const { return folder_ / "archive"; }

  static std::unique_ptr<Source> source_;
  TempFolder folder_;
  std::string database_;
  std::string conninfo_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Daemon> daemon_;
};
std::unique_ptr<Source> ArchiveTest::source_;

// Updates, inserts and deletes on public.t until it goes.
class TableLoad {
 public:
  explicit TableLoad(const std::string& conninfo)
      : thread_([this, conninfo](const std::stop_token& stop) {
          Session session(conninfo);
          for (int i = 0; !stop.stop_requested(); ++i) {
            const std::string n = std::to_string(i);
            session.Try("UPDATE public.t SET n = n + 1 WHERE id % 50 = " + n + " % 50");
            session.Try("INSERT INTO public.t (id) VALUES (100000 + " + n + ")");
            session.Try("DELETE FROM public.t WHERE id = 100000 + " + n + " - 40");
            ++rounds_;
          }
        }) {}
  int rounds() const { return rounds_; }

 private:
  std::atomic<int> rounds_ = 0;
  std::jthread thread_;
};

constexpr char kTable[] = R"(
  CREATE TABLE public.t (id integer PRIMARY KEY, n bigint NOT NULL DEFAULT 0, v text DEFAULT 'abc');
  INSERT INTO public.t SELECT g, g, repeat('x', g % 7) FROM generate_series(1, 500) g;
  CREATE TABLE public.other (id integer PRIMARY KEY);
  INSERT INTO public.other VALUES (1);
  CREATE TABLE public.late (id integer PRIMARY KEY, v text);
  INSERT INTO public.late SELECT g, 'from before' FROM generate_series(1, 300) g;
  CREATE TABLE public.gate (id integer);)";
constexpr char kSomeTables[] = "CREATE PUBLICATION trunkline FOR TABLE public.t, public.other";

class RewriteTest : public ArchiveTest {
 protected:
  void Begin(const std::string& publication = kSomeTables) {
    MakeDatabase(std::string(kTable) + publication);
    InstallDdlCapture(conninfo_);
    MakeDaemon();
    daemon_->Start();
    daemon_->AwaitSnapshot();
  }
  // While it is open, no temporary slot is made: the daemon waits with its snapshots.
  void HoldSnapshotsBack() {
    gate_ = std::make_unique<Session>(conninfo_);
    gate_->Do("BEGIN; INSERT INTO public.gate VALUES (1)");
  }
  void LetSnapshotsGo() { gate_.reset(); }

  // The instant right after `rewrite`, whose rows the archive cannot tell; everything up to it is
  // archived.
  Lsn Rewrite(const std::string& rewrite) {
    HoldSnapshotsBack();
    Do(rewrite);
    const Lsn lsn = session_->CurrentLsn();
    Do("INSERT INTO public.other SELECT max(id) + 1 FROM public.other");
    daemon_->AwaitEnd(session_->CurrentLsn());
    return lsn;
  }
  void AwaitTable(const std::string& table, size_t count) {
    ASSERT_TRUE(Eventually(seconds(60), [&] { return Tables(table).size() == count; }))
        << daemon_->log();
  }
  void ExpectRefused(Lsn lsn, const std::string& table) {
    const Outcome outcome = Replay(lsn);
    EXPECT_EQ(outcome.exit_code, kDamaged) << outcome;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("public." + table), HasSubstr("in doubt from ")))
        << outcome;
    EXPECT_EQ(Replay(lsn, "other").exit_code, 0) << "another table";
  }
  // `table` is exact before `rewrite` and from its snapshot on, and refused in between; whatever
  // happens meanwhile.
  void ExpectRewriteAnswered(
      const std::string& rewrite, const std::string& table,
      const std::function<void()>& meanwhile = [] {}) {
    std::optional<TableLoad> load(conninfo_);
    ASSERT_TRUE(Eventually(seconds(60), [&] { return load->rounds() > 20; }));
    const ExactState before = State();
    const size_t snapshots = Tables(table).size();
    const Lsn refused = Rewrite(rewrite);
    meanwhile();
    LetSnapshotsGo();
    AwaitTable(table, snapshots + 1);
    const ExactState after = State();
    const int rounds = load->rounds();
    ASSERT_TRUE(Eventually(seconds(60), [&] { return load->rounds() > rounds + 20; }));
    load.reset();
    const ExactState last = State();
    const Outcome stopped = daemon_->Stop();
    EXPECT_EQ(stopped.exit_code, 0) << stopped;
    RunToNow();
    ExpectExact(before, "before");
    ExpectRefused(refused, table);
    ExpectExact(after, "after");
    ExpectExact(last, "at the end");
    ExpectVerified();
    const Outcome info = Trunkline({"info", archive()});
    EXPECT_THAT(info.out, AllOf(HasSubstr("Inexact"), HasSubstr("public." + table + "  0/"),
                                HasSubstr(LsnOf(Tables(table).back()).ToString())))
        << info;
  }

 private:
  std::unique_ptr<Session> gate_;
};

constexpr char kUsing[] =
    "ALTER TABLE public.t ALTER v DROP DEFAULT, ALTER v TYPE integer USING length(v)";

TEST_F(RewriteTest, ATypeChangedWithUsing) {
  Begin();
  ExpectRewriteAnswered(kUsing, "t");
}

// The definition that results is the same as before.
TEST_F(RewriteTest, ValuesChangedWithUsingWhileTheTypeStays) {
  Begin();
  ExpectRewriteAnswered("ALTER TABLE public.t ALTER n TYPE bigint USING n * 2", "t");
}

TEST_F(RewriteTest, ValuesChangedWithUsingInAFunction) {
  Begin();
  Do("CREATE FUNCTION public.migrate() RETURNS void LANGUAGE sql AS "
     "'ALTER TABLE public.t ALTER v TYPE text USING upper(v)'");
  ExpectRewriteAnswered("SELECT public.migrate()", "t");
}

TEST_F(RewriteTest, ATypeWidenedWithoutUsingIsExact) {
  Begin();
  Do("ALTER TABLE public.t ALTER id TYPE bigint");
  const ExactState after = State();
  ASSERT_EQ(daemon_->Stop().exit_code, 0);
  RunToNow();
  ExpectExact(after, "after");
  EXPECT_THAT(Tables("t"), testing::SizeIs(1)) << "the base snapshot's";
}

TEST_F(RewriteTest, AVolatileDefault) {
  Begin("CREATE PUBLICATION trunkline FOR ALL TABLES");
  ExpectRewriteAnswered("ALTER TABLE public.t ADD COLUMN r double precision DEFAULT random()", "t");
}

TEST_F(RewriteTest, ATableWithRowsJoinsThePublication) {
  Begin();
  ExpectRewriteAnswered(
      "ALTER PUBLICATION trunkline ADD TABLE public.late; INSERT INTO public.late VALUES (1001, "
      "'x')",
      "late");
}

TEST_F(RewriteTest, KilledBetweenTheRewriteAndTheSnapshot) {
  Begin();
  ExpectRewriteAnswered(kUsing, "t", [&] {
    daemon_->Kill();
    EXPECT_THAT(Tables("t"), testing::SizeIs(1));  // the base snapshot's
    daemon_->Start();
  });
}

TEST_F(RewriteTest, EndposFinishesWhatIsInDoubt) {
  Begin();
  ASSERT_EQ(daemon_->Stop().exit_code, 0);
  Do(kUsing);
  RunToNow();
  AwaitTable("t", 2);
  const ExactState after = State();
  RunToNow();
  ExpectExact(after, "after the snapshot");
  AwaitTable("t", 2);
  ExpectVerified();
}

// A base snapshot of several tables, of which some are copied when the daemon is killed.
class CutShortTest : public ArchiveTest {
 protected:
  static constexpr int kTables = 12;

  void Begin(const std::vector<std::string>& arguments = {}, bool all_tables = true) {
    std::string sql;
    std::string tables;
    for (int i = 0; i < kTables; ++i) {
      const std::string name = TableName(i);
      sql += "CREATE TABLE " + name + " (id integer PRIMARY KEY, v text); INSERT INTO " + name +
             " SELECT g, md5(g::text) FROM generate_series(1, " +
             std::to_string(20'000 - 1'000 * i) + ") g;";
      tables += (i == 0 ? "" : ", ") + name;
    }
    MakeDatabase(sql + "CREATE PUBLICATION trunkline FOR " +
                 (all_tables ? "ALL TABLES" : "TABLE " + tables));
    MakeDaemon(arguments);
  }
  static std::string TableName(int i) { return "public.t" + std::to_string(i); }

  // Kills the daemon when some tables are whole and others are not; the snapshot's LSN.
  Lsn CutShort() {
    daemon_->Start();
    EXPECT_TRUE(Eventually(seconds(60), [&] { return SnapshotObjects(".complete").size() >= 3; }))
        << daemon_->log();
    daemon_->Kill();
    EXPECT_LT(SnapshotObjects(".complete").size(), static_cast<size_t>(kTables));
    EXPECT_TRUE(SnapshotObjects("/complete").empty());
    return LsnOf(SnapshotObjects(".complete").at(0));
  }
  // Name and content of what makes up the tables that are whole.
  std::map<std::string, std::string> WholeTables() const {
    std::map<std::string, std::string> objects;
    for (const std::string& manifest : SnapshotObjects(".complete")) {
      const std::string table = manifest.substr(0, manifest.rfind('.') + 1);
      for (const std::string& name : FilesBelow(archive() + "/snapshots")) {
        if (("snapshots/" + name).starts_with(table)) {
          objects[name] = ReadFile(archive() + "/snapshots/" + name);
        }
      }
    }
    return objects;
  }
  // A change of every kind on every table.
  void ChangeAll(int round) {
    for (int i = 0; i < kTables; ++i) {
      const std::string id = std::to_string(round);
      Do("UPDATE " + TableName(i) + " SET v = 'round " + id + "' WHERE id % 100 = " + id);
      Do("DELETE FROM " + TableName(i) + " WHERE id % 1000 = 1" + id);
      Do("INSERT INTO " + TableName(i) + " VALUES (100000" + id + ", 'new')");
    }
  }
  // After the base snapshot that brings the archive to `snapshots` of them.
  void ExpectGoesOn(size_t snapshots = 1) {
    daemon_->Start();
    ASSERT_TRUE(Eventually(seconds(60), [&] {
      return SnapshotObjects("/complete").size() == snapshots;
    })) << daemon_->log();
    std::vector<ExactState> states;
    for (int round = 3; round < 6; ++round) {
      ChangeAll(round);
      states.push_back(State());
    }
    EXPECT_EQ(daemon_->Stop().exit_code, 0);
    RunToNow();
    for (const ExactState& state : states) ExpectExact(state, "after the base snapshot");
    ExpectVerified();
  }
};

TEST_F(CutShortTest, TablesThatAreWholeAreNotCopiedAgain) {
  Begin();
  const Lsn first = CutShort();
  const auto whole = WholeTables();
  ChangeAll(1);
  ChangeAll(2);
  Do("TRUNCATE public.t0; INSERT INTO public.t0 VALUES (1, 'after the truncation')");
  ExpectGoesOn();
  EXPECT_THAT(daemon_->log(), HasSubstr("are there already"));
  for (const auto& [name, content] : whole) {
    EXPECT_EQ(ReadFile(archive() + "/snapshots/" + name), content) << name;
  }
  // What was not whole is gone, and what was is nowhere twice.
  EXPECT_EQ(SnapshotObjects(".complete").size(), static_cast<size_t>(kTables));
  for (const std::string& name : SnapshotObjects(".seg")) {
    EXPECT_EQ(LsnOf(name) == first, whole.contains(name.substr(std::string("snapshots/").size())))
        << name;
  }
  const Outcome plan = Trunkline(
      {"replay", archive(), "--at", "latest", "--to", "csv:" + (folder_ / "plan"), "--dry-run"});
  EXPECT_THAT(plan.out, HasSubstr("tables    LSN " + first.ToString())) << plan;
}

TEST_F(CutShortTest, ATableAlteredMeanwhileIsCopiedAgain) {
  Begin();
  const Lsn first = CutShort();
  const std::string manifest = SnapshotObjects(".complete").at(0);
  const std::string table = "public." + manifest.substr(manifest.rfind("/public.") + 8, 2);
  Do("ALTER TABLE " + table + " ALTER v TYPE integer USING length(v); ALTER TABLE " + table +
     " ALTER v TYPE text");
  ExpectGoesOn();
  for (const std::string& name : SnapshotObjects(".seg")) {
    EXPECT_FALSE(name.find("/" + table + ".") != std::string::npos && LsnOf(name) == first) << name;
  }
}

TEST_F(CutShortTest, NothingIsKeptThatThePublicationLostMeanwhile) {
  Begin({}, /*all_tables=*/false);
  const Lsn first = CutShort();
  Do("ALTER PUBLICATION trunkline DROP TABLE public.t0, public.t1, public.t2");
  ChangeAll(1);
  Do("ALTER PUBLICATION trunkline ADD TABLE public.t0, public.t1, public.t2");
  ExpectGoesOn();
  for (const std::string& name : SnapshotObjects(".seg")) EXPECT_NE(LsnOf(name), first) << name;
}

// No change between a table's copy and the new slot is in the stream.
TEST_F(CutShortTest, NothingIsKeptFromBeforeTheSlot) {
  Begin();
  const Lsn first = CutShort();
  ASSERT_TRUE(Eventually(seconds(20), [&] {
    return session_->Try("SELECT pg_catalog.pg_drop_replication_slot('trunkline')");
  }));
  ChangeAll(1);
  ExpectGoesOn();
  const Outcome plan = Trunkline(
      {"replay", archive(), "--at", "latest", "--to", "csv:" + (folder_ / "plan"), "--dry-run"});
  EXPECT_THAT(plan.out, Not(HasSubstr(first.ToString()))) << plan;
}

// Tables copied before the base snapshot's own instant need the changes since then, of which there
// is no segment yet when the slot loses them.
class CutShortTwiceTest : public CutShortTest {
 protected:
  void ExpectGapFromTheOldestTable(const std::function<void(Lsn)>& take_slot_away) {
    Begin();
    const Lsn first = CutShort();
    ChangeAll(1);
    ChangeAll(2);
    daemon_->Start();
    daemon_->AwaitSnapshot();
    daemon_->Kill();
    ASSERT_TRUE(FilesBelow(archive() + "/changes").empty());
    const Lsn snapshot = LsnOf(SnapshotObjects("/complete").at(0));
    ASSERT_LT(first, snapshot);
    ASSERT_TRUE(Eventually(seconds(20), [&] {
      return session_->One("SELECT active FROM pg_catalog.pg_replication_slots") == "f";
    }));
    take_slot_away(snapshot);
    ExpectGoesOn(2);
    const std::string earliest = *FilesBelow(archive() + "/changes").begin();
    EXPECT_THAT(earliest, testing::StartsWith(first.ToHex16()));
    EXPECT_THAT(earliest, testing::EndsWith(".gap.seg"));
    const Outcome at_snapshot =
        Trunkline({"replay", archive(), "--at", "lsn:" + snapshot.ToString(), "--to",
                   "csv:" + (folder_ / "at_snapshot")});
    EXPECT_EQ(at_snapshot.exit_code, 3) << at_snapshot;
    EXPECT_THAT(at_snapshot.err, HasSubstr("the source lost its changes")) << at_snapshot;
  }
};

TEST_F(CutShortTwiceTest, TheSlotIsGone) {
  ExpectGapFromTheOldestTable(
      [&](Lsn) { Do("SELECT pg_catalog.pg_drop_replication_slot('trunkline')"); });
}

TEST_F(CutShortTwiceTest, TheSlotIsMovedOnToTheSnapshot) {
  ExpectGapFromTheOldestTable([&](Lsn snapshot) {
    Do("SELECT pg_catalog.pg_replication_slot_advance('trunkline', '" + snapshot.ToString() + "')");
  });
}

// One large table, and a daemon that is killed again and again before it is whole.
class LargeTableCutShortTest : public ArchiveTest {
 protected:
  void Begin() {
    MakeDatabase(
        "CREATE TABLE public.large (id integer PRIMARY KEY, v text, w text);"
        " ALTER TABLE public.large ALTER w SET STORAGE EXTERNAL;"
        " INSERT INTO public.large SELECT g, md5(g::text), CASE WHEN g % 100 = 0"
        " THEN repeat(md5(g::text), 100) END FROM generate_series(1, 40000) g;"
        "CREATE PUBLICATION trunkline FOR ALL TABLES");
    MakeDaemon({"--snapshot-range-bytes", "200000", "--snapshot-connections", "1"});
  }
  // Kills it when further ranges are whole; the LSN of the newest of them.
  Lsn CutShort() {
    const size_t before = SnapshotObjects(".pages").size();
    daemon_->Start();
    EXPECT_TRUE(Eventually(seconds(60), [&] {
      return SnapshotObjects(".pages").size() >= before + 3;
    })) << daemon_->log();
    daemon_->Kill();
    EXPECT_TRUE(SnapshotObjects(".complete").empty());
    return LsnOf(SnapshotObjects(".pages").back());
  }
  // Rows move between pages, to and from those that are copied, come and go, change their keys, and
  // keep values that the stream does not repeat.
  void Change(int round) {
    const std::string n = std::to_string(round);
    Do("UPDATE public.large SET v = v || '" + n + "' WHERE id % 13 = " + n);
    Do("UPDATE public.large SET id = -id WHERE id > 0 AND id % 500 = 7" + n);
    Do("DELETE FROM public.large WHERE id % 97 = " + n);
    Do("INSERT INTO public.large SELECT g, 'new', repeat('x', 4000)"
       " FROM generate_series(10000" +
       n + "0, 10000" + n + "9) g");
    Do("DELETE FROM public.large WHERE id BETWEEN " + n + "00 AND " + n + "00 + 2000");
    Do("VACUUM public.large");
    Do("UPDATE public.large SET v = v || repeat('y', 300) WHERE id > 30000 AND id % 50 IN (0, " +
       n + ")");
  }
};

TEST_F(LargeTableCutShortTest, GoesOnWithWhatItLacks) {
  Begin();
  const Lsn first = CutShort();
  const std::vector<std::string> kept = SnapshotObjects(".pages");
  Change(1);
  const Lsn second = CutShort();
  ASSERT_LT(first, second);
  Change(2);
  daemon_->Start();
  daemon_->AwaitSnapshot();
  EXPECT_THAT(daemon_->log(), HasSubstr("parts of 1 tables are there already"));
  std::vector<ExactState> states = {State()};
  Change(3);
  states.push_back(State());
  EXPECT_EQ(daemon_->Stop().exit_code, 0);
  RunToNow();
  for (const ExactState& state : states) ExpectExact(state, "after the base snapshot");
  ExpectVerified();
  // What the first two attempts copied is what the snapshot consists of.
  for (const std::string& name : kept)
    EXPECT_THAT(SnapshotObjects(".pages"), testing::Contains(name));
  const Outcome plan = Trunkline(
      {"replay", archive(), "--at", "latest", "--to", "csv:" + (folder_ / "plan"), "--dry-run"});
  EXPECT_THAT(plan.out, HasSubstr("LSN " + first.ToString())) << plan;
  EXPECT_THAT(plan.out, HasSubstr("LSN " + second.ToString())) << plan;
}

TEST_F(LargeTableCutShortTest, BeginsAgainWhereRowsDoNotLieWhereTheyDid) {
  Begin();
  const Lsn first = CutShort();
  Change(1);
  Do("VACUUM FULL public.large");
  daemon_->Start();
  daemon_->AwaitSnapshot();
  const ExactState state = State();
  EXPECT_EQ(daemon_->Stop().exit_code, 0);
  RunToNow();
  ExpectExact(state, "after the base snapshot");
  ExpectVerified();
  for (const std::string& name : SnapshotObjects(".seg")) EXPECT_NE(LsnOf(name), first) << name;
  EXPECT_TRUE(SnapshotObjects(".pages").empty());
}

TEST_F(CutShortTest, ALargeTableIsCopiedInRangesWhileItChanges) {
  Begin({"--snapshot-range-bytes", "100000", "--snapshot-connections", "3"});
  daemon_->Start();
  std::optional<std::jthread> load;
  load.emplace([this](const std::stop_token& stop) {
    Session session(conninfo_);
    for (int i = 0; !stop.stop_requested(); ++i) {
      const std::string n = std::to_string(i);
      // Rows move between pages all the time.
      session.Do("UPDATE public.t0 SET v = v || '" + n + "' WHERE id % 17 = " + n + " % 17");
    }
  });
  daemon_->AwaitSnapshot();
  const ExactState during = State();
  load.reset();
  EXPECT_GT(SnapshotObjects(".seg").size(), static_cast<size_t>(3 * kTables));
  const ExactState after = State();
  EXPECT_EQ(daemon_->Stop().exit_code, 0);
  RunToNow();
  ExpectExact(during, "while it changes");
  ExpectExact(after, "afterwards");
  ExpectVerified();
}

}  // namespace
}  // namespace trunkline::test
