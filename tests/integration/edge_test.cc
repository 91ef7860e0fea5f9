// Sources that are legal and odd: names and widths at Postgres's limits, settings that change how
// values print, definitions that change in ways the stream hardly shows.
#include <gtest/gtest.h>

#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

class EdgeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { source_ = std::make_unique<Source>(); }
  static void TearDownTestSuite() { source_.reset(); }

  // A database of its own for this test.
  void Begin(const std::string& sql) {
    database_ = testing::UnitTest::GetInstance()->current_test_info()->name();
    conninfo_ = source_->NewDatabase(database_);
    session_ = std::make_unique<Session>(conninfo_);
    session_->Do(sql);
    daemon_ = std::make_unique<Daemon>(
        DaemonOptions{.source = capture_.empty() ? conninfo_ : conninfo_ + " " + capture_,
                      .archive = archive(),
                      .arguments = arguments_,
                      .environment = environment_});
    RunToNow();
  }
  void TearDown() override {
    session_.reset();
    if (!database_.empty()) source_->DropDatabase(database_);
  }
  void RunToNow() {
    const Outcome outcome = daemon_->RunTo("now", seconds(60));
    if (outcome.exit_code != 0) throw std::runtime_error(outcome.err);
  }
  void Do(const std::string& sql) { session_->Do(sql); }

  // The source as it is now must be what is rebuilt, both as CSV and as a database.
  void ExpectRebuilt(const std::string& what) {
    const ExactState state = TakeExactState(conninfo_, "trunkline");
    RunToNow();
    const std::string csv = folder_ / "csv" + std::to_string(++rebuilds_);
    const std::string target = "lsn:" + state.lsn.ToString();
    const Outcome outcome = Trunkline({"replay", archive(), "--at", target, "--to", "csv:" + csv});
    ASSERT_EQ(outcome.exit_code, 0) << what << "\n" << outcome;
    EXPECT_EQ(FolderDifference(state.tables, csv), "") << what;
  }
  void ExpectDatabaseRebuilt(const std::string& what) {
    const ExactState state = TakeExactState(conninfo_, "trunkline");
    RunToNow();
    const std::string name = "rebuilt_" + std::to_string(++rebuilds_);
    const Outcome outcome = Trunkline({"replay", archive(), "--at", "lsn:" + state.lsn.ToString(),
                                       "--to", source_->uri(), "--create-database", name});
    ASSERT_EQ(outcome.exit_code, 0) << what << "\n" << outcome;
    source_->Connect(name).Do("CREATE PUBLICATION trunkline FOR ALL TABLES");
    const ExactState found = TakeExactState(source_->conninfo(name), "trunkline");
    EXPECT_EQ(found.tables.size(), state.tables.size()) << what;
    for (const auto& [table, content] : state.tables) {
      ASSERT_EQ(found.tables.count(table), 1U) << what << ": " << table;
      EXPECT_EQ(CsvDifference(content, found.tables.at(table)), "") << what << ": " << table;
    }
    source_->DropDatabase(name);
  }
  // The tables of the archive, and what each must hold.
  void ExpectLatest(const std::map<std::string, std::string>& queries) {
    RunToNow();
    const std::string csv = folder_ / "csv";
    const Outcome outcome =
        Trunkline({"replay", archive(), "--at", "latest", "--to", "csv:" + csv});
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    std::map<std::string, std::string> expected;
    for (const auto& [table, query] : queries) {
      expected[table + ".csv"] =
          session_->CopyOut("COPY (" + query + ") TO STDOUT (FORMAT csv, HEADER)");
    }
    EXPECT_EQ(FolderDifference(expected, csv), "") << outcome;
  }
  std::string archive() const { return folder_ / "archive"; }

  static std::unique_ptr<Source> source_;
  TempFolder folder_;
  std::string database_;
  std::string conninfo_;
  std::string capture_;  // added to the daemon's conninfo
  std::vector<std::string> arguments_;
  std::map<std::string, std::string> environment_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Daemon> daemon_;
  int rebuilds_ = 0;
};
std::unique_ptr<Source> EdgeTest::source_;

TEST_F(EdgeTest, TheLongestNames) {
  std::string cjk;  // 63 bytes, which percent-encoding makes 189
  for (int i = 0; i < 21; ++i) cjk += "\xe6\x96\xb0";
  const std::string table = "\"" + cjk + "\".\"" + cjk + "\"";
  Begin("CREATE SCHEMA \"" + cjk + "\"; CREATE TABLE " + table + " (\"" + cjk +
        "\" integer PRIMARY KEY); INSERT INTO " + table +
        " VALUES (1); CREATE PUBLICATION trunkline FOR ALL TABLES");
  Do("INSERT INTO " + table + " VALUES (2)");
  ExpectDatabaseRebuilt("names of 63 bytes");
  const ExactState state = TakeExactState(conninfo_, "trunkline");
  RunToNow();
  const Outcome outcome =
      Trunkline({"replay", archive(), "--at", "latest", "--to", "csv:" + (folder_ / "csv")});
  if (outcome.exit_code != 0) {
    // A file name cannot be that long; then it is said, and nothing half-written stays.
    EXPECT_EQ(FilesBelow(folder_ / "csv").size(), 0U) << outcome;
    EXPECT_NE(outcome.err.find("name"), std::string::npos) << outcome;
  }
}

TEST_F(EdgeTest, NoColumnsAndVeryManyColumns) {
  std::string wide = "CREATE TABLE public.wide (id integer PRIMARY KEY";
  for (int i = 1; i < 1590; ++i) wide += ", c" + std::to_string(i) + " smallint";
  Begin(wide +
        "); CREATE TABLE public.none (); ALTER TABLE public.none REPLICA IDENTITY FULL; "
        "INSERT INTO public.none DEFAULT VALUES; INSERT INTO public.wide (id, c1589) VALUES (1, 1);"
        "CREATE PUBLICATION trunkline FOR ALL TABLES");
  Do("INSERT INTO public.none DEFAULT VALUES; INSERT INTO public.wide (id, c7) VALUES (2, 3); "
     "UPDATE public.wide SET c1000 = 5");
  ExpectRebuilt("inserts");
  Do("ALTER TABLE public.none ADD COLUMN a integer DEFAULT 3; INSERT INTO public.none VALUES (4)");
  ExpectRebuilt("a first column");
  ExpectDatabaseRebuilt("as a database");
}

TEST_F(EdgeTest, AColumnDroppedAndAddedAgain) {
  Begin(
      "CREATE TABLE public.t (id integer PRIMARY KEY, a text, b integer); "
      "INSERT INTO public.t SELECT g, 'snapshot', g FROM generate_series(1, 5) g; "
      "CREATE PUBLICATION trunkline FOR ALL TABLES");
  Do("INSERT INTO public.t SELECT g, 'streamed', g FROM generate_series(6, 9) g");
  // The RELATION messages before and after are the same; the old values are gone all the same.
  Do("BEGIN; ALTER TABLE public.t DROP COLUMN b; ALTER TABLE public.t ADD COLUMN b integer; "
     "INSERT INTO public.t VALUES (10, 'new', 10); COMMIT");
  ExpectRebuilt("dropped and added again, the same name and type");
  Do("BEGIN; ALTER TABLE public.t DROP COLUMN b; ALTER TABLE public.t ADD COLUMN b integer "
     "DEFAULT 77; INSERT INTO public.t VALUES (11, 'new', 10); COMMIT");
  ExpectRebuilt("the same with a default");
}

TEST_F(EdgeTest, ATableDroppedAndMadeAgain) {
  Begin(
      "CREATE TABLE public.t (id integer PRIMARY KEY, a text); "
      "INSERT INTO public.t VALUES (1, 'first'); "
      "CREATE PUBLICATION trunkline FOR ALL TABLES");
  Do("INSERT INTO public.t VALUES (2, 'first')");
  Do("DROP TABLE public.t; CREATE TABLE public.t (id integer PRIMARY KEY, a text); "
     "INSERT INTO public.t VALUES (1, 'second')");
  ExpectRebuilt("another table of the same name");
  ExpectDatabaseRebuilt("as a database");
  Do("ALTER TABLE public.t RENAME TO u; INSERT INTO public.u VALUES (3, 'renamed')");
  ExpectRebuilt("renamed");
}

TEST_F(EdgeTest, ATypeThatChanges) {
  Begin(
      "CREATE TYPE public.kind AS ENUM ('a', 'b'); "
      "CREATE TABLE public.t (id integer PRIMARY KEY, v varchar(5), k public.kind); "
      "INSERT INTO public.t VALUES (1, 'one', 'a'); "
      "CREATE PUBLICATION trunkline FOR ALL TABLES");
  Do("ALTER TABLE public.t ALTER v TYPE varchar(50); INSERT INTO public.t VALUES (2, 'longer "
     "than')");
  ExpectRebuilt("longer, without a rewrite");
  Do("ALTER TYPE public.kind ADD VALUE 'c' BEFORE 'b'");
  Do("INSERT INTO public.t VALUES (3, 'c', 'c')");
  ExpectDatabaseRebuilt("a new label");
  Do("ALTER TABLE public.t ALTER v TYPE text; INSERT INTO public.t VALUES (4, 'text')");
  ExpectRebuilt("text");
}

constexpr char kPrinted[] = R"(
  CREATE TABLE public.t (id integer PRIMARY KEY, a timestamptz, b interval, c bytea, d double precision,
                         e date, f regclass);
  INSERT INTO public.t VALUES (1, '2016-11-30 09:29-08', '-1 year 2 days 03:04', '\x00ff',
                               0.1::float8 + 0.2, '2016-11-30', 'pg_catalog.pg_class');
  CREATE PUBLICATION trunkline FOR ALL TABLES)";
constexpr char kPrintedMore[] = R"(
  INSERT INTO public.t SELECT 2, a, b, c, d, e, f FROM public.t)";

TEST_F(EdgeTest, SettingsOfTheDatabaseThatChangeHowValuesPrint) {
  for (const char* setting :
       {"datestyle = 'German'", "timezone = 'Asia/Kolkata'", "intervalstyle = 'iso_8601'",
        "bytea_output = 'escape'", "extra_float_digits = 0"}) {
    source_->Connect().Do("ALTER ROLE postgres SET " + std::string(setting));
  }
  Begin(kPrinted);
  Do(kPrintedMore);
  ExpectRebuilt("settings of the role");
  source_->Connect().Do("ALTER ROLE postgres RESET ALL");
}

TEST_F(EdgeTest, SettingsOfTheEnvironmentThatChangeHowValuesPrint) {
  environment_ = {{"PGDATESTYLE", "German"},
                  {"PGTZ", "Asia/Kolkata"},
                  {"PGOPTIONS", "-c intervalstyle=iso_8601 -c bytea_output=escape"},
                  {"PGCLIENTENCODING", "LATIN1"}};
  Begin(kPrinted);
  Do(kPrintedMore);
  ExpectRebuilt("settings of the environment");
}

TEST_F(EdgeTest, SettingsOfTheConninfoThatChangeHowValuesPrint) {
  capture_ =
      "options='-c datestyle=German -c timezone=Asia/Kolkata -c extra_float_digits=0 "
      "-c search_path=pg_catalog' client_encoding=LATIN1";
  Begin(kPrinted);
  Do(kPrintedMore);
  ExpectRebuilt("settings of the conninfo");
}

TEST_F(EdgeTest, ColumnsAndRowsThatArePublished) {
  if (source_->major() < 15)
    GTEST_SKIP() << "Postgres 15 is the first with column lists and filters";
  Begin(
      "CREATE TABLE public.t (id integer PRIMARY KEY, a text, secret text); "
      "CREATE TABLE public.filtered (id integer PRIMARY KEY, v text); "
      "INSERT INTO public.t VALUES (1, 'a', 'hidden'); "
      "INSERT INTO public.filtered VALUES (1, 'in'), (-1, 'out'); "
      "CREATE PUBLICATION trunkline FOR TABLE public.t (id, a), "
      "TABLE public.filtered WHERE (id > 0)");
  Do("INSERT INTO public.t VALUES (2, 'b', 'hidden'); UPDATE public.t SET secret = 'more'; "
     "INSERT INTO public.filtered VALUES (2, 'in'), (-2, 'out'), (3, 'leaves'), (-4, 'enters'); "
     "UPDATE public.filtered SET id = -id WHERE v LIKE '%s'");
  ExpectLatest({{"public.t", "SELECT id, a FROM public.t"},
                {"public.filtered", "SELECT * FROM public.filtered WHERE id > 0"}});
}

TEST_F(EdgeTest, PublishedThroughThePartitionedTable) {
  Begin(
      "CREATE TABLE public.root (id integer, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id); "
      "CREATE TABLE public.leaf PARTITION OF public.root FOR VALUES FROM (0) TO (100); "
      "CREATE TABLE public.rest PARTITION OF public.root DEFAULT; "
      "INSERT INTO public.root VALUES (1, 'leaf'), (1000, 'rest'); "
      "CREATE PUBLICATION trunkline FOR TABLE public.root WITH (publish_via_partition_root)");
  Do("INSERT INTO public.root VALUES (2, 'leaf'); "
     "UPDATE public.root SET id = id + 99 WHERE id = 1; DELETE FROM public.root WHERE id = 1000");
  ExpectLatest({{"public.root", "SELECT * FROM public.root"}});
}

TEST_F(EdgeTest, EqualKeysThatPrintOtherwise) {
  Begin(
      "CREATE TABLE public.f (k double precision PRIMARY KEY, v text); "
      "CREATE TABLE public.n (k numeric PRIMARY KEY, v text); "
      "INSERT INTO public.f VALUES (0, 'zero'), ('NaN', 'nan'); "
      "INSERT INTO public.n VALUES (1.0, 'one'), ('NaN', 'nan'); "
      "CREATE PUBLICATION trunkline FOR ALL TABLES");
  Do("UPDATE public.f SET k = '-0', v = 'minus zero' WHERE k = 0; "
     "UPDATE public.f SET v = 'still nan' WHERE k = 'NaN'; "
     "UPDATE public.n SET k = 1.000 WHERE k = 1; UPDATE public.n SET v = 'x' WHERE k = 'NaN'");
  ExpectRebuilt("updated");
  Do("DELETE FROM public.f WHERE k = 0; DELETE FROM public.n WHERE k = 1; "
     "INSERT INTO public.n VALUES (1, 'again')");
  ExpectRebuilt("deleted");
}

TEST_F(EdgeTest, TablesOfExtensionTypesAndManyTables) {
  std::string sql =
      "CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; "
      "CREATE TABLE public.e (id ext.citext PRIMARY KEY, h ext.hstore); "
      "INSERT INTO public.e VALUES ('Key', 'a=>1, \"b c\"=>NULL'); "
      "CREATE INDEX ON public.e USING gin (h);";
  for (int i = 0; i < 300; ++i) {
    const std::string name = "public.t" + std::to_string(i);
    sql += "CREATE TABLE " + name + " (id integer PRIMARY KEY, v text); INSERT INTO " + name +
           " VALUES (1, '" + name + "');";
  }
  Begin(sql + "CREATE PUBLICATION trunkline FOR ALL TABLES");
  Do("UPDATE public.e SET id = 'kEY'; INSERT INTO public.t299 VALUES (2, 'more'); "
     "TRUNCATE public.t17");
  ExpectRebuilt("three hundred tables");
  ExpectDatabaseRebuilt("as a database");
}

}  // namespace
}  // namespace trunkline::test
