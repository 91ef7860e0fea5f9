// The product's promise: any instant, rebuilt, equals what the source held then, row for row.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <optional>

#include "tests/integration/load.h"
#include "tests/integration/schema.h"
#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

// Changes of definition, one before each instant, each with a change of the table that shows it.
const std::vector<std::string>& SchemaSteps() {
  static const std::vector<std::string> steps = {
      "SELECT 1",
      "ALTER TABLE shop.evolving ADD COLUMN c integer DEFAULT 7; "
      "INSERT INTO shop.evolving (id, a) VALUES (1001, 1)",
      "ALTER TABLE shop.evolving ADD COLUMN d text; "
      "UPDATE shop.evolving SET d = 'd' WHERE id IN (1001, 1, 2)",
      "ALTER TABLE shop.evolving DROP COLUMN b; DELETE FROM shop.evolving WHERE id = 1001",
      "ALTER TABLE shop.evolving ADD COLUMN b numeric DEFAULT 1.50; "
      "INSERT INTO shop.evolving (id, a) VALUES (1002, 1)",
      "ALTER TABLE shop.evolving ADD COLUMN e timestamptz NOT NULL DEFAULT '2020-01-01 01:00+01', "
      "ADD COLUMN f shop.mood DEFAULT 'so, so', ADD COLUMN g integer[] DEFAULT '{1,2}'; "
      "UPDATE shop.evolving SET a = a + 1 WHERE id % 3 = 0",
      "UPDATE shop.evolving SET b = 2; INSERT INTO shop.evolving (id) VALUES (1003); "
      "ALTER TABLE shop.evolving DROP COLUMN c; INSERT INTO shop.evolving (id) VALUES (1004)",
      "ALTER TABLE shop.evolving RENAME COLUMN a TO \"A new\"; "
      "INSERT INTO shop.evolving (id, \"A new\") VALUES (1005, 5)",
      "ALTER TABLE shop.evolving REPLICA IDENTITY FULL; "
      "UPDATE shop.evolving SET d = 'full' WHERE id > 1000",
      "ALTER TABLE shop.evolving REPLICA IDENTITY DEFAULT; "
      "DELETE FROM shop.evolving WHERE id = 1003; UPDATE shop.evolving SET id = 2002 WHERE id = "
      "1002",
      "CREATE TABLE shop.late (id integer PRIMARY KEY, v text); "
      "INSERT INTO shop.late VALUES (1, 'late')",
      "ALTER TYPE shop.mood RENAME VALUE 'sad' TO 'gloomy'; "
      "ALTER TABLE shop.late ADD COLUMN m shop.mood DEFAULT 'gloomy'; "
      "INSERT INTO shop.late VALUES (2, 'later')",
      "TRUNCATE shop.late; INSERT INTO shop.evolving (id) VALUES (1006)",
      "UPDATE shop.evolving SET big = (SELECT string_agg(md5(g::text), '') "
      "FROM generate_series(1, 90000) g) WHERE id = 1006; "
      "UPDATE shop.evolving SET d = 'big stays' WHERE id = 1006"};
  return steps;
}

// Changes of definition that no row shows, or shows too late.
const std::vector<std::string>& SilentSchemaSteps() {
  static const std::vector<std::string> steps = {
      "CREATE TABLE shop.doomed (id integer PRIMARY KEY, v text); "
      "INSERT INTO shop.doomed VALUES (1, 'soon gone')",
      "ALTER TABLE shop.late RENAME TO \"Later still\"",
      "ALTER TABLE shop.\"Later still\" RENAME COLUMN v TO w",
      "DROP TABLE shop.doomed",
      "ALTER TABLE shop.evolving ADD COLUMN brief integer DEFAULT 42",
      "ALTER TABLE shop.evolving DROP COLUMN brief",
      "CREATE TYPE shop.season AS ENUM ('spring', 'fall'); "
      "ALTER TABLE shop.\"Later still\" ADD COLUMN s shop.season DEFAULT 'fall'; "
      "INSERT INTO shop.\"Later still\" (id) VALUES (3)",
      "ALTER TYPE shop.season RENAME VALUE 'fall' TO 'autumn'",
      "ALTER TYPE shop.season ADD VALUE 'summer' BEFORE 'autumn'",
      "ALTER TABLE shop.\"Later still\" ADD CONSTRAINT \"w is short\" CHECK (length(w) < 100), "
      "ALTER w SET DEFAULT 'w'; CREATE INDEX later_w ON shop.\"Later still\" (w DESC)",
      "ALTER TABLE shop.\"Later still\" DROP CONSTRAINT \"w is short\"; DROP INDEX shop.later_w",
      "ALTER TABLE shop.\"Later still\" ALTER w TYPE varchar(200), ALTER id TYPE bigint",
      "CREATE SCHEMA \"New one\"; ALTER TABLE shop.\"Later still\" SET SCHEMA \"New one\"",
      "DO $$ BEGIN CREATE TABLE shop.shed (v text); INSERT INTO shop.shed VALUES ('a'); "
      "ALTER TABLE shop.shed ADD COLUMN n integer DEFAULT 5; "
      "ALTER TABLE shop.shed REPLICA IDENTITY FULL; UPDATE shop.shed SET v = 'b'; END $$",
      "CREATE TABLE shop.part_new (k integer NOT NULL, at date NOT NULL, v text, "
      "PRIMARY KEY (k, at)); ALTER TABLE shop.part DETACH PARTITION shop.part_old"};
  return steps;
}

void RunSchemaStep(Session& session, const std::string& step) {
  session.Do("SET search_path = pg_catalog");
  session.Do("BEGIN; " + step + "; COMMIT");
}

void ExpectRebuilt(const std::string& archive, const ExactState& state, const std::string& what) {
  TempFolder folder;
  const Outcome outcome = Trunkline({"replay", archive, "--at", "lsn:" + state.lsn.ToString(),
                                     "--to", "csv:" + (folder / "csv")});
  ASSERT_EQ(outcome.exit_code, 0) << what << "\n" << outcome;
  EXPECT_EQ(FolderDifference(state.tables, folder / "csv"), "")
      << what << " at " << state.lsn.ToString();
}

// A source under load and a daemon that captures it; what the source held, again and again.
class History {
 public:
  explicit History(bool ddl_captured) : conninfo_(source_.NewDatabase("origin")) {
    CreateLoadSchema(conninfo_);
    if (ddl_captured) InstallDdlCapture(conninfo_);
    load_.emplace(conninfo_, 4, 20161130);
    daemon_.emplace(DaemonOptions{
        .source = conninfo_,
        .archive = folder_ / "archive",
        .arguments = {"--segment-max-bytes", "2000000", "--segment-max-age", "300ms"}});
    daemon_->Start();
    daemon_->AwaitSnapshot();
  }

  void Step(const std::string& step) {
    Session session(conninfo_);
    RunSchemaStep(session, step);
    Record();
  }
  void Record() {
    states_.push_back(TakeExactState(conninfo_, "trunkline"));
    schemas_.push_back(SchemaStatements(source_, "origin"));
  }
  void End() {
    load_->Stop();
    const Outcome stopped = daemon_->Stop();
    EXPECT_EQ(stopped.exit_code, 0) << stopped;
    Record();
    const Outcome ended = daemon_->RunTo("now");
    ASSERT_EQ(ended.exit_code, 0) << ended;
  }
  void ExpectEveryInstant() { ExpectInstants(0, 1); }
  void ExpectInstants(size_t first, size_t step) {
    for (size_t i = first; i < states_.size(); i += step) {
      ExpectRebuilt(daemon_->archive(), states_[i], "instant " + std::to_string(i));
    }
    const Outcome verified = Trunkline({"verify", daemon_->archive()});
    EXPECT_EQ(verified.exit_code, 0) << verified;
    std::cout << states_.size() << " instants, " << load_->committed() << " transactions, "
              << Segments(daemon_->archive()).size() << " segments\n";
  }
  // Rebuilds of what lies in between then begin at these.
  void TakeSnapshotsFromTheArchive() {
    for (size_t i = 0; i < states_.size(); i += 4) {
      const Outcome taken =
          Trunkline({"snapshot", daemon_->archive(), "--at", "lsn:" + states_[i].lsn.ToString()});
      ASSERT_EQ(taken.exit_code, 0) << "instant " << i << "\n" << taken;
      EXPECT_THAT(taken.err, testing::HasSubstr("base snapshot at " + states_[i].lsn.ToString()));
    }
  }
  void ExpectSchemaOf(size_t instant) {
    SCOPED_TRACE("instant " + std::to_string(instant));
    const std::string database = "rebuilt_" + std::to_string(instant);
    const Outcome replayed =
        Trunkline({"replay", daemon_->archive(), "--at", "lsn:" + states_[instant].lsn.ToString(),
                   "--to", source_.uri("postgres"), "--create-database", database});
    ASSERT_EQ(replayed.exit_code, 0) << replayed;
    ExpectSameSchema(schemas_[instant], SchemaStatements(source_, database));
    source_.DropDatabase(database);
  }

  Daemon& daemon() { return *daemon_; }
  const std::vector<ExactState>& states() const { return states_; }

 private:
  Source source_;
  const std::string conninfo_;
  TempFolder folder_;
  std::optional<ConcurrentLoad> load_;
  std::optional<Daemon> daemon_;
  std::vector<ExactState> states_;
  std::vector<std::vector<std::string>> schemas_;
};

TEST(HistoryTest, EveryInstantUnderLoadIsRebuiltRowForRow) {
  History history(/*ddl_captured=*/true);
  // The daemon may lag behind as it likes.
  for (const std::string& step : SchemaSteps()) history.Step(step);
  for (const std::string& step : SilentSchemaSteps()) history.Step(step);
  // The archive is read while it grows.
  history.daemon().AwaitEnd(history.states()[1].lsn);
  ExpectRebuilt(history.daemon().archive(), history.states()[1], "while the daemon runs");
  history.End();
  history.ExpectEveryInstant();
  const size_t silent = SchemaSteps().size();
  for (const size_t instant : {silent - 1, silent + 4, silent + 7, silent + 9, silent + 14}) {
    history.ExpectSchemaOf(instant);
  }
  history.TakeSnapshotsFromTheArchive();
  history.ExpectInstants(3, 2);
  for (const size_t instant : {silent + 5, silent + 13}) history.ExpectSchemaOf(instant);
}

TEST(HistoryTest, WithoutDdlCaptureRowsAreExactWhereTheDaemonKeepsUp) {
  History history(/*ddl_captured=*/false);
  for (const std::string& step : SchemaSteps()) {
    history.Step(step);
    // A definition is asked for when its change comes by.
    history.daemon().AwaitEnd(history.states().back().lsn);
  }
  history.End();
  history.ExpectInstants(0, 2);
  history.TakeSnapshotsFromTheArchive();
  history.ExpectInstants(3, 2);
}

// Each column's own sequence must give a value that no row has.
void ExpectSequencesPastTheirColumns(Session& session) {
  for (const auto& row : session.Table(
           "SELECT s.seqrelid::pg_catalog.regclass, d.refobjid::pg_catalog.regclass, "
           "pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_sequence s "
           "JOIN pg_catalog.pg_depend d ON d.objid = s.seqrelid AND d.deptype IN ('a', 'i') "
           "AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
           "JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND attnum = refobjsubid")) {
    EXPECT_EQ(session.One("SELECT pg_catalog.nextval(" + postgres::QuoteLiteral(row[0]) +
                          ") > coalesce(max(" + row[2] + "), 0) FROM " + row[1]),
              "t")
        << row[0];
  }
}

TEST(HistoryTest, ARebuiltDatabaseHasTheSourcesRowsAndSchema) {
  Source source;
  const std::string conninfo = source.NewDatabase("origin");
  CreateLoadSchema(conninfo);
  TempFolder folder;
  ExactState state;
  Daemon daemon({.source = conninfo, .archive = folder / "archive"});
  {
    ConcurrentLoad load(conninfo, 3, 7);
    daemon.Start();
    daemon.AwaitSnapshot();
    std::this_thread::sleep_for(seconds(2));
    load.Stop();
    state = TakeExactState(conninfo, "trunkline");
  }
  EXPECT_EQ(daemon.Stop().exit_code, 0);
  ASSERT_EQ(daemon.RunTo("now").exit_code, 0) << daemon.log();

  const Outcome replayed =
      Trunkline({"replay", daemon.archive(), "--at", "lsn:" + state.lsn.ToString(), "--to",
                 source.uri("postgres"), "--create-database", "rebuilt"});
  ASSERT_EQ(replayed.exit_code, 0) << replayed;

  Session origin = source.Connect("origin");
  origin.Do("CREATE PUBLICATION all_tables FOR ALL TABLES");
  Session rebuilt = source.Connect("rebuilt");
  rebuilt.Do("CREATE PUBLICATION trunkline FOR ALL TABLES");
  const ExactState found = TakeExactState(source.conninfo("rebuilt"), "trunkline");
  for (const auto& [name, content] : state.tables) {
    ASSERT_EQ(found.tables.count(name), 1U) << name << " is not there";
    EXPECT_EQ(CsvDifference(content, found.tables.at(name)), "") << name;
  }
  EXPECT_EQ(found.tables.size(), state.tables.size());
  // Columns that are computed, which COPY leaves out.
  EXPECT_EQ(rebuilt.Table("SELECT id, twice, upper_b FROM shop.generated ORDER BY id"),
            origin.Table("SELECT id, twice, upper_b FROM shop.generated ORDER BY id"));
  rebuilt.Do("DROP PUBLICATION trunkline");
  ExpectSameSchema(SchemaStatements(source, "origin"), SchemaStatements(source, "rebuilt"));
  ExpectSequencesPastTheirColumns(rebuilt);
  EXPECT_NE(rebuilt.One("SELECT pg_catalog.current_setting('trunkline.as_of')"), "");
}

}  // namespace
}  // namespace trunkline::test
