// What some major versions of Postgres have and others lack, and rebuilds from one into another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "tests/integration/load.h"
#include "tests/integration/schema.h"
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

#define NEEDS_POSTGRES(first, what) \
  if (ServerMajor() < (first)) GTEST_SKIP() << "Postgres " << (first) << " is the first with " what

// Of the server under test, which need not run for that.
int ServerMajor() { return MajorOf(Must(postgres::FindBinDirectory()) + "/postgres"); }

class VersionTest : public testing::Test {
 protected:
  // Captures a database that `before` made and `after` changed.
  void Capture(const std::string& before, const std::string& after) {
    conninfo_ = source().NewDatabase("origin", before);
    InstallDdlCapture(conninfo_);
    RunToNow();
    source().Connect("origin").Do(after);
    RunToNow();
  }
  void RunToNow() {
    Daemon daemon({.source = conninfo_, .archive = archive()});
    const Outcome outcome = daemon.RunTo("now", seconds(60));
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
  }
  // What it printed.
  std::string Rebuild(Source* into) {
    const Outcome outcome = Trunkline({"replay", archive(), "--at", "latest", "--to", into->uri(),
                                       "--create-database", "rebuilt"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    return outcome.err;
  }
  void ExpectSameDatabase() {
    ExpectSameSchema(SchemaStatements(source(), "origin"), SchemaStatements(source(), "rebuilt"));
  }
  void ExpectSameRows(Source* rebuilt, const std::string& sql) {
    EXPECT_EQ(rebuilt->Connect("rebuilt").Table(sql), source().Connect("origin").Table(sql)) << sql;
  }
  std::string archive() const { return folder_ / "archive"; }

  Source& source() {
    if (!source_) source_.emplace();
    return *source_;
  }

  TempFolder folder_;
  std::string conninfo_;

 private:
  std::optional<Source> source_;
};

TEST_F(VersionTest, ARoleCannotEndLongTransactionsAndIdleSessions) {
  source().Connect().Do("ALTER ROLE postgres SET idle_session_timeout = '1s'");
  EXPECT_EQ(source().Connect().One("SHOW idle_session_timeout"), "0");
  if (source().major() < 17) return;
  source().Connect().Do("ALTER ROLE postgres SET transaction_timeout = '1s'");
  EXPECT_EQ(source().Connect().One("SHOW transaction_timeout"), "0");
}

TEST_F(VersionTest, SchemasThatArePublished) {
  NEEDS_POSTGRES(15, "FOR TABLES IN SCHEMA");
  Capture(
      "CREATE SCHEMA shop; CREATE TABLE shop.a (id integer PRIMARY KEY, u integer, "
      "UNIQUE NULLS NOT DISTINCT (u)); CREATE TABLE public.b (id integer PRIMARY KEY); "
      "INSERT INTO shop.a VALUES (1); CREATE PUBLICATION trunkline FOR TABLES IN SCHEMA shop",
      "INSERT INTO shop.a VALUES (2, 2); INSERT INTO public.b VALUES (4)");
  const ExactState state = TakeExactState(conninfo_, "trunkline");
  const Outcome outcome =
      Trunkline({"replay", archive(), "--at", "latest", "--to", "csv:" + (folder_ / "csv")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_EQ(state.tables.size(), 1U);
  EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "");
  source().Connect("origin").Do("DROP TABLE public.b");
  Rebuild(&source());
  ExpectSameDatabase();
}

// Rows sort in a rebuilt database as in the source.
TEST_F(VersionTest, CollationsOfOtherProviders) {
  NEEDS_POSTGRES(15, "databases of another provider than libc");
  std::vector<std::string> providers = {"icu ICU_LOCALE 'en-US-u-kf-upper'"};
  if (source().major() >= 17) providers.push_back("builtin BUILTIN_LOCALE 'C'");
  for (const std::string& provider : providers) {
    SCOPED_TRACE(provider);
    source().Connect().Do(
        "CREATE DATABASE origin TEMPLATE template0 LOCALE 'C.UTF-8' LOCALE_PROVIDER " + provider);
    conninfo_ = source().conninfo("origin");
    source().Connect("origin").Do(
        "CREATE TABLE public.w (w text PRIMARY KEY); CREATE PUBLICATION trunkline FOR ALL TABLES; "
        "INSERT INTO public.w VALUES ('b'), ('B'), ('a'), ('A'), ('ä')");
    RunToNow();
    Rebuild(&source());
    ExpectSameRows(&source(), "SELECT w FROM public.w ORDER BY w");
    ExpectSameRows(&source(),
                   "SELECT datcollate, datctype, datlocprovider, pg_catalog.to_jsonb(d) -> "
                   "'datlocale', pg_catalog.to_jsonb(d) -> 'daticulocale' FROM "
                   "pg_catalog.pg_database d WHERE datname = pg_catalog.current_database()");
    source().DropDatabase("rebuilt");
    source().DropDatabase("origin");
    std::filesystem::remove_all(archive());
  }
}

TEST_F(VersionTest, AnIdentityThatPartitionsShare) {
  NEEDS_POSTGRES(17, "identity columns of partitioned tables");
  Capture(
      "CREATE TABLE public.part (id bigint GENERATED ALWAYS AS IDENTITY, k integer, "
      "PRIMARY KEY (id, k)) PARTITION BY LIST (k); "
      "CREATE TABLE public.part_1 PARTITION OF public.part FOR VALUES IN (1); "
      "INSERT INTO public.part (k) VALUES (1), (1); CREATE PUBLICATION trunkline FOR ALL TABLES",
      "CREATE TABLE public.part_2 PARTITION OF public.part FOR VALUES IN (2); "
      "INSERT INTO public.part (k) VALUES (1), (2), (2)");
  Rebuild(&source());
  ExpectSameDatabase();
  ExpectSameRows(&source(), "SELECT id, k FROM public.part ORDER BY id");
  EXPECT_EQ(source().Connect("rebuilt").One("INSERT INTO public.part (k) VALUES (2) RETURNING id"),
            "6");
}

TEST_F(VersionTest, AStandbyThatFollowsTheSlot) {
  NEEDS_POSTGRES(17, "slots that a standby follows");
  const std::string conninfo = source().conninfo();
  Session(conninfo).Do(
      "CREATE TABLE public.item (id integer PRIMARY KEY); INSERT INTO public.item VALUES (1); "
      "CREATE PUBLICATION trunkline FOR ALL TABLES; "
      "SELECT pg_catalog.pg_create_physical_replication_slot('standby', true)");
  Daemon daemon(
      {.source = conninfo, .archive = archive(), .arguments = {"--segment-max-age", "100ms"}});
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  const auto standby = MakeStandby(&source());
  Session primary(conninfo);
  Session session = standby->Connect();
  session.Do(
      "SELECT pg_catalog.pg_drop_replication_slot(slot_name) "
      "FROM pg_catalog.pg_replication_slots");  // copied from the primary
  session.Do("ALTER SYSTEM SET primary_slot_name = 'standby'");
  session.Do("ALTER SYSTEM SET primary_conninfo = " +
             postgres::QuoteLiteral("host=" + source().server().folder() +
                                    " port=" + source().port() + " user=postgres dbname=postgres"));
  session.Do("SELECT pg_catalog.pg_reload_conf()");
  daemon.Start();
  // A synced slot is kept where the primary's needs nothing older than what the standby keeps. So
  // the primary's moves on without any new transaction id.
  ASSERT_TRUE(Eventually(seconds(120), [&] {
    primary.Do("SELECT pg_catalog.pg_log_standby_snapshot()");
    primary.Do("SELECT pg_catalog.pg_logical_emit_message(false, 'test', '')");
    std::this_thread::sleep_for(milliseconds(500));
    return session.Try("SELECT pg_catalog.pg_sync_replication_slots()") &&
           session.One(
               "SELECT count(*) FROM pg_catalog.pg_replication_slots "
               "WHERE synced AND NOT temporary AND slot_name = 'trunkline'") == "1";
  })) << daemon.log();
  EXPECT_EQ(daemon.Stop().exit_code, 0) << daemon.log();
  primary.Do("INSERT INTO public.item VALUES (0)");
  const std::string written = primary.CurrentLsn().ToString();
  ASSERT_TRUE(Eventually(seconds(60), [&] {
    return session.One("SELECT pg_catalog.pg_last_wal_replay_lsn() >= '" + written + "'") == "t";
  }));
  Must(source().server().Stop(true));
  session.Do("SELECT pg_catalog.pg_promote()");
  session.Do("INSERT INTO public.item VALUES (-1)");
  Daemon next({.source = standby->conninfo(), .archive = archive()});
  ASSERT_EQ(next.RunTo("now", seconds(60)).exit_code, 0) << next.log();
  EXPECT_EQ(next.log().find("GAP"), std::string::npos) << next.log();
  const std::string all = "SELECT array_agg(id ORDER BY id) FROM public.item";
  const Outcome rows = Trunkline({"query", archive(), "--at", "latest", "-c", all});
  EXPECT_THAT(rows.out, HasSubstr(session.One(all))) << rows;
}

constexpr char kGenerated[] =
    "CREATE TABLE public.g (id integer PRIMARY KEY, a integer, "
    "twice integer GENERATED ALWAYS AS (a * 2) STORED, "
    "thrice integer GENERATED ALWAYS AS (a * 3) VIRTUAL); "
    "INSERT INTO public.g (id, a) VALUES (1, 10); ";
constexpr char kGeneratedMore[] =
    "INSERT INTO public.g (id, a) VALUES (2, 20), (3, 30); UPDATE public.g SET a = 11 WHERE id = "
    "1; DELETE FROM public.g WHERE id = 3; "
    "ALTER TABLE public.g ADD COLUMN fourfold integer GENERATED ALWAYS AS (a * 4); "
    "UPDATE public.g SET a = 21 WHERE id = 2";

TEST_F(VersionTest, VirtualColumns) {
  NEEDS_POSTGRES(18, "columns that are computed when read");
  Capture(std::string(kGenerated) + "CREATE PUBLICATION trunkline FOR ALL TABLES", kGeneratedMore);
  Rebuild(&source());
  ExpectSameDatabase();
  ExpectSameRows(&source(), "SELECT id, a, twice, thrice, fourfold FROM public.g ORDER BY id");
  Source other({.bin_directory = OtherBinDirectory()});
  const std::string said = Rebuild(&other);
  if (other.major() < 18) {
    EXPECT_THAT(said, HasSubstr("virtual columns of public.g"));
  }
  ExpectSameRows(&other, "SELECT id, a, twice, thrice, fourfold FROM public.g ORDER BY id");
}

TEST_F(VersionTest, PublishedGeneratedColumns) {
  NEEDS_POSTGRES(18, "published generated columns");
  for (const char* publication : {"FOR ALL TABLES WITH (publish_generated_columns = stored)",
                                  "FOR TABLE public.g (id, twice)"}) {
    SCOPED_TRACE(publication);
    // The new expression rewrites the table, and no definition tells what its rows have now.
    Capture(std::string(kGenerated) + "CREATE PUBLICATION trunkline " + publication,
            std::string(kGeneratedMore) +
                "; ALTER TABLE public.g ALTER twice SET EXPRESSION AS (a * 2 + 1)");
    source().Connect("origin").Do("INSERT INTO public.g (id, a) VALUES (4, 40)");
    RunToNow();  // past the snapshot of the table
    const bool all = std::string(publication).starts_with("FOR ALL");
    const std::string columns = all ? "id, a, twice" : "id, twice";
    const Outcome outcome =
        Trunkline({"replay", archive(), "--at", "latest", "--to", "csv:" + (folder_ / "csv")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_EQ(FolderDifference({{"public.g.csv", source().Connect("origin").CopyOut(
                                                     "COPY (SELECT " + columns +
                                                     " FROM public.g) TO STDOUT (FORMAT csv, "
                                                     "HEADER)")}},
                               folder_ / "csv"),
              "");
    if (all) {
      Rebuild(&source());
      ExpectSameDatabase();
      ExpectSameRows(&source(), "SELECT * FROM public.g ORDER BY id");
      source().DropDatabase("rebuilt");
    }
    source().DropDatabase("origin");
    std::filesystem::remove_all(archive());
    std::filesystem::remove_all(folder_ / "csv");
  }
}

TEST_F(VersionTest, ConstraintsThatRowsMayBreakAndThoseWithNames) {
  NEEDS_POSTGRES(18, "not-null constraints of their own and constraints not enforced");
  Capture(
      "CREATE TABLE public.n (id integer PRIMARY KEY, a integer CONSTRAINT \"a is there\" NOT "
      "NULL, "
      "b integer, c integer CHECK (c > 0) NOT ENFORCED); "
      "INSERT INTO public.n VALUES (1, 1, NULL, -1); "
      "ALTER TABLE public.n ADD CONSTRAINT b_later NOT NULL b NOT VALID; "
      "CREATE TABLE public.o (id integer PRIMARY KEY, "
      "n integer REFERENCES public.n NOT ENFORCED, m integer REFERENCES public.n); "
      "INSERT INTO public.o VALUES (1, 77, 1); CREATE PUBLICATION trunkline FOR ALL TABLES",
      "ALTER TABLE public.o ADD CONSTRAINT m_there NOT NULL m; "
      "INSERT INTO public.o VALUES (2, 78, 1); INSERT INTO public.n VALUES (2, 2, 2, -2)");
  EXPECT_EQ(Rebuild(&source()).find("rebuilt without"), std::string::npos);
  ExpectSameDatabase();
  ExpectSameRows(&source(), "SELECT * FROM public.n ORDER BY id");
  ExpectSameRows(&source(), "SELECT * FROM public.o ORDER BY id");
  Source other({.bin_directory = OtherBinDirectory()});
  const std::string said = Rebuild(&other);
  if (other.major() < 18) {
    EXPECT_THAT(said, AllOf(HasSubstr("not-null constraint b_later of public.n"),
                            HasSubstr("check constraint n_c_check of public.n"),
                            HasSubstr("foreign key o_n_fkey of public.o")));
  }
  ExpectSameRows(&other, "SELECT * FROM public.n ORDER BY id");
}

TEST_F(VersionTest, ATimeoutThatLosesTheSlotIsWarnedOf) {
  NEEDS_POSTGRES(18, "a timeout of idle slots");
  Session session = source().Connect();
  session.Do("CREATE PUBLICATION trunkline FOR ALL TABLES");
  const auto check = [&] {
    return RunProgram(
        {Binary("trunklined"), "--source", source().conninfo(), "--archive", archive(), "--check"});
  };
  EXPECT_THAT(check().out, Not(HasSubstr("idle_replication_slot_timeout")));
  session.Do("ALTER SYSTEM SET idle_replication_slot_timeout = '1d'");
  session.Do("SELECT pg_catalog.pg_reload_conf()");
  ASSERT_TRUE(Eventually(seconds(30), [&] {
    return source().Connect().One("SHOW idle_replication_slot_timeout") == "1d";
  }));
  EXPECT_THAT(check().out, HasSubstr("a daemon away for 1d loses its slot"));
}

TEST_F(VersionTest, KeysWithoutOverlaps) {
  NEEDS_POSTGRES(18, "keys without overlaps");
  Capture(
      "CREATE TABLE public.room (id int4range, during daterange, v text, "
      "PRIMARY KEY (id, during WITHOUT OVERLAPS)); "
      "CREATE TABLE public.stay (id integer PRIMARY KEY, room int4range, during daterange, "
      "FOREIGN KEY (room, PERIOD during) REFERENCES public.room); "
      "INSERT INTO public.room VALUES ('[1,2)', '[2020-01-01,2021-01-01)', 'a'); "
      "INSERT INTO public.stay VALUES (1, '[1,2)', '[2020-02-01,2020-03-01)'); "
      "CREATE PUBLICATION trunkline FOR ALL TABLES",
      "INSERT INTO public.room VALUES ('[1,2)', '[2021-01-01,2022-01-01)', 'b'); "
      "INSERT INTO public.stay VALUES (2, '[1,2)', '[2020-12-01,2021-03-01)')");
  Rebuild(&source());
  ExpectSameDatabase();
  ExpectSameRows(&source(), "SELECT * FROM public.room ORDER BY during");
  ExpectSameRows(&source(), "SELECT * FROM public.stay ORDER BY id");
}

// The tables of the load, captured from `from` and rebuilt in `into`.
void ExpectRebuiltIn(Source* from, Source* into) {
  SCOPED_TRACE("from " + std::to_string(from->major()) + " into " + std::to_string(into->major()));
  const std::string conninfo = from->NewDatabase("loaded");
  CreateLoadSchema(conninfo);
  InstallDdlCapture(conninfo);
  TempFolder folder;
  Daemon daemon({.source = conninfo, .archive = folder / "archive"});
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  Writer writer(conninfo, 20161130);
  for (int i = 0; i < 100; ++i) writer.Step();
  const ExactState state = TakeExactState(conninfo, "trunkline");
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();
  const Outcome outcome =
      Trunkline({"replay", daemon.archive(), "--at", "lsn:" + state.lsn.ToString(), "--to",
                 into->uri(), "--create-database", "arrived"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_EQ(outcome.err.find("rebuilt without"), std::string::npos) << outcome;
  into->Connect("arrived").Do("CREATE PUBLICATION trunkline FOR ALL TABLES");
  const ExactState found = TakeExactState(into->conninfo("arrived"), "trunkline");
  EXPECT_EQ(found.tables.size(), state.tables.size());
  for (const auto& [name, content] : state.tables) {
    ASSERT_EQ(found.tables.count(name), 1U) << name;
    EXPECT_EQ(CsvDifference(content, found.tables.at(name)), "") << name;
  }
}

TEST_F(VersionTest, IntoAnotherVersionAndFromIt) {
  Source other({.bin_directory = OtherBinDirectory()});
  ExpectRebuiltIn(&source(), &other);
  ExpectRebuiltIn(&other, &source());
}

}  // namespace
}  // namespace trunkline::test
