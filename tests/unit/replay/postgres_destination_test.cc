// Rebuilds what a live server holds and compares: the schema as pg_dump prints it, and every row.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <set>
#include <sstream>

#include "archive/sha256.h"
#include "postgres/server.h"
#include "replay/destination.h"
#include "replay/postgres_rebuild.h"
#include "tests/unit/replay/live_state.h"

namespace trunkline::test {
namespace {

using postgres::Connection;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

// Every kind of table, type, column and constraint that a rebuilt database has.
constexpr char kSourceSchema[] = R"sql(
CREATE SCHEMA "Odd "" Schema";
CREATE TYPE public.mood AS ENUM ('sad', 'it''s ok', 'back\slash', 'happy');
CREATE DOMAIN public.positive AS integer DEFAULT 1 NOT NULL
  CONSTRAINT above_zero CHECK (VALUE > 0);
CREATE DOMAIN public.more_positive AS public.positive CONSTRAINT above_ten CHECK (VALUE > 10);
CREATE TYPE public.pair AS (a integer, "B b" text COLLATE "C");
CREATE TYPE public.pair_range AS RANGE (subtype = numeric, multirange_type_name = public.pair_ranges);
CREATE TYPE "Odd "" Schema"."Odd Type" AS (m public.mood, p public.pair[]);

CREATE TABLE public.everything (
  id bigint PRIMARY KEY,
  flag boolean, i2 smallint, i4 integer DEFAULT 42, i8 bigint,
  f4 real, f8 double precision, n numeric, nn numeric(12,3),
  t text COLLATE "C", v varchar(20) DEFAULT 'a''b\c', c char(5), nm name,
  b bytea, d date DEFAULT '2016-11-30', tm time(3), tz timetz, ts timestamp(0), tstz timestamptz,
  iv interval day to second(2), j json, jb jsonb, x xml, u uuid DEFAULT gen_random_uuid(),
  ip inet, cd cidr, mac macaddr, bits bit(4), vb bit varying(9), mon money,
  pt point, bx box, tsv tsvector, tsq tsquery,
  arr integer[], arr2 text[][], r int4range, mr int4multirange, lsn pg_lsn,
  m public.mood, ms public.mood[], pos public.positive, more public.more_positive[],
  p public.pair, ps public.pair[], pr public.pair_range, prs public.pair_ranges,
  odd "Odd "" Schema"."Odd Type",
  double_id bigint GENERATED ALWAYS AS (id * 2) STORED
);
INSERT INTO public.everything VALUES (1, true, -32768, 2147483647, -9223372036854775808,
  'NaN', '-Infinity', 'NaN', 123456789.125, E'tab\t newline\n back\\slash \\N', 'v', 'c', 'nm',
  '\x00ff5c', 'infinity', '24:00:00', '12:00:00-08', '0044-03-15 12:00:00 BC', '12345-01-01 00:00:00Z',
  '1 day 02:03:04.56', '{"a":  1 }', '{"b": 2}', '<a/>', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  '192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', B'1010', B'101', 12.34,
  '(1,2)', '((0,0),(1,1))', 'a fat cat', 'fat & cat',
  '{1,NULL,3}', '{{a,b},{c,"d e"}}', '[1,10)', '{[1,3),[5,7)}', '16/B374D848',
  'back\slash', '{sad,"it''s ok"}', 7, '{11,12}',
  '(1,"x ""y"", z")', '{"(1,a)","(,)"}', '[1.5,2.5)', '{[1,2),[3,4)}',
  '(happy,"{""(1,b)""}")');
INSERT INTO public.everything (id, pos) VALUES (2, 1);

CREATE TABLE "Odd "" Schema"."odd TABLE" (
  "select" integer, "A "" quote" text UNIQUE, "ünïcode" text,
  CONSTRAINT "odd, (pk)" PRIMARY KEY ("select", "ünïcode"),
  CONSTRAINT "Check It" CHECK ("select" > 0 AND "A "" quote" <> ')')
);
CREATE INDEX "odd index" ON "Odd "" Schema"."odd TABLE" (lower("A "" quote"), "select" DESC NULLS LAST)
  WHERE "select" > 5;
INSERT INTO "Odd "" Schema"."odd TABLE" SELECT i, 'q"' || i, 'ü' FROM generate_series(1, 10) i;

CREATE TABLE public.parents (
  id integer GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5) PRIMARY KEY,
  favourite integer
);
CREATE TABLE public.children (
  id serial PRIMARY KEY,
  parent integer NOT NULL REFERENCES public.parents ON DELETE CASCADE,
  during tstzrange,
  EXCLUDE USING gist (during WITH &&),
  UNIQUE (id, parent) INCLUDE (during),
  UNIQUE NULLS NOT DISTINCT (parent, during)
);
ALTER TABLE public.parents ADD CONSTRAINT parents_favourite_fkey FOREIGN KEY (favourite)
  REFERENCES public.children DEFERRABLE INITIALLY DEFERRED;
INSERT INTO public.parents DEFAULT VALUES;
INSERT INTO public.parents DEFAULT VALUES;
INSERT INTO public.children (parent, during) VALUES (10, '[2016-01-01,2016-02-01)'), (15, NULL);
UPDATE public.parents SET favourite = 2 WHERE id = 10;

CREATE TABLE public.no_key (a integer, b text);
ALTER TABLE public.no_key REPLICA IDENTITY FULL;
INSERT INTO public.no_key VALUES (1, 'x'), (1, 'x'), (NULL, NULL), (2, '');
CREATE TABLE public.inserts_only (a integer);
ALTER TABLE public.inserts_only REPLICA IDENTITY NOTHING;
CREATE TABLE public.by_index (a integer NOT NULL, b text);
CREATE UNIQUE INDEX by_index_a ON public.by_index (a);
ALTER TABLE public.by_index REPLICA IDENTITY USING INDEX by_index_a;
CREATE TABLE public.by_constraint (a integer NOT NULL UNIQUE, b text);
ALTER TABLE public.by_constraint REPLICA IDENTITY USING INDEX by_constraint_a_key;
CREATE TABLE public.downwards (id serial);
ALTER SEQUENCE public.downwards_id_seq INCREMENT -1 MINVALUE -100 MAXVALUE -1 START -1 RESTART;
INSERT INTO public.downwards DEFAULT VALUES;
INSERT INTO public.downwards DEFAULT VALUES;
CREATE TABLE public.empty (id bigserial PRIMARY KEY, later text);
CREATE TABLE public.no_columns ();
CREATE TABLE public.not_checked (a integer);
INSERT INTO public.not_checked VALUES (-1);
ALTER TABLE public.not_checked ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;

CREATE TABLE public.lends (id serial PRIMARY KEY);
CREATE TABLE public.borrows (id integer DEFAULT nextval('public.lends_id_seq'));
INSERT INTO public.lends DEFAULT VALUES;
INSERT INTO public.borrows SELECT nextval('public.lends_id_seq') FROM generate_series(1, 3);
CREATE TABLE public.z_row (id serial PRIMARY KEY, m public.mood);
CREATE TABLE public.a_holder (z public.z_row, zs public.z_row[]);
INSERT INTO public.z_row (m) VALUES ('sad');
INSERT INTO public.a_holder SELECT z, ARRAY[z, z] FROM public.z_row z;

CREATE TABLE public.measured (at date NOT NULL, sensor integer NOT NULL, value text DEFAULT 'none',
  PRIMARY KEY (at, sensor)) PARTITION BY RANGE (at);
CREATE TABLE public.measured_2016 PARTITION OF public.measured
  FOR VALUES FROM ('2016-01-01') TO ('2017-01-01') PARTITION BY LIST (sensor);
CREATE TABLE public.measured_2016_odd PARTITION OF public.measured_2016 FOR VALUES IN (1, 3);
CREATE TABLE public.measured_2016_rest PARTITION OF public.measured_2016 DEFAULT;
CREATE TABLE public.measured_old (value text, sensor integer NOT NULL, at date NOT NULL);
ALTER TABLE public.measured ATTACH PARTITION public.measured_old
  FOR VALUES FROM (MINVALUE) TO ('2016-01-01');
CREATE INDEX measured_value ON public.measured (value);
ALTER TABLE public.measured ADD CONSTRAINT odd_value CHECK (value <> '');
INSERT INTO public.measured VALUES ('2016-05-01', 1, 'a'), ('2016-05-01', 2, 'b'),
  ('2010-01-01', 1, 'c');
CREATE TABLE public.readings (at date, sensor integer,
  FOREIGN KEY (at, sensor) REFERENCES public.measured);
INSERT INTO public.readings VALUES ('2016-05-01', 1);
)sql";

std::string RunProgram(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), got);
  }
  EXPECT_EQ(pclose(pipe), 0) << output;
  return output;
}

class PostgresDestinationTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    postgres::ServerOptions options;
    options.settings.push_back("wal_level = logical");
    options.settings.push_back("shared_buffers = 32MB");
    server_ = Must(postgres::Server::Start(options)).release();
  }
  static void TearDownTestSuite() { delete server_; }

  static Connection Open(const std::string& database) {
    return Must(Connection::Open(server_->conninfo(database), postgres::Mode::kNormal, "test"));
  }
  static std::string Ask(const std::string& database, const std::string& sql) {
    auto connection = Open(database);
    return std::string(Must(connection.Exec(sql)).at(0, 0));
  }
  static void Run(const std::string& database, const std::string& sql) {
    auto connection = Open(database);
    Must(connection.Exec(sql));
  }
  static std::vector<std::string> Databases() {
    auto connection = Open("postgres");
    const auto rows = Must(connection.Exec(
        "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"));
    std::vector<std::string> names;
    for (int i = 0; i < rows.size(); ++i) names.emplace_back(rows.at(i, 0));
    return names;
  }

  // A source database of this name, whose tables are all published.
  static DatabaseState MakeSource(const std::string& name, const std::string& schema,
                                  const std::string& publication = "FOR ALL TABLES") {
    Run("postgres", "CREATE DATABASE " + name);
    Run(name, schema);
    Run(name, "CREATE PUBLICATION trunkline " + publication);
    return ReadLiveState(server_->conninfo(name), "trunkline");
  }

  // pg_dump's output without what differs by nature: comments, and a random word a run.
  static std::vector<std::string> Dump(const std::string& database, const std::string& options) {
    std::istringstream dump(RunProgram(server_->bin_directory() + "/pg_dump " + options +
                                       " --dbname=\"" + server_->conninfo(database) + "\""));
    std::vector<std::string> lines;
    for (std::string line; std::getline(dump, line);) {
      const bool noise = line.starts_with("--") || line.starts_with("\\restrict") ||
                         line.starts_with("\\unrestrict") || line.empty();
      if (!noise) lines.push_back(line);
    }
    return lines;
  }

  static std::multiset<std::string> Schema(const std::string& database) {
    std::multiset<std::string> statements;
    std::string statement;
    for (const std::string& line : Dump(database, "--schema-only --no-publications")) {
      statement += line + "\n";
      if (!line.ends_with(";")) continue;
      statements.insert(std::move(statement));
      statement.clear();
    }
    return statements;
  }

  // Rows as a multiset: they come in the order they lie in. Each line bears its table.
  static std::multiset<std::string> Data(const std::string& database) {
    std::multiset<std::string> rows;
    std::string table;
    for (const std::string& line : Dump(database, "--data-only")) {
      if (line.starts_with("COPY ")) table = line;
      rows.insert(table + ": " + line);
    }
    return rows;
  }

  static void ExpectEqual(const std::multiset<std::string>& expected,
                          const std::multiset<std::string>& actual) {
    std::vector<std::string> missing;
    std::vector<std::string> added;
    std::set_difference(expected.begin(), expected.end(), actual.begin(), actual.end(),
                        std::back_inserter(missing));
    std::set_difference(actual.begin(), actual.end(), expected.begin(), expected.end(),
                        std::back_inserter(added));
    EXPECT_THAT(missing, IsEmpty());
    EXPECT_THAT(added, IsEmpty());
  }

  static void ExpectEqualDatabases(const std::string& source, const std::string& rebuilt) {
    ExpectEqual(Schema(source), Schema(rebuilt));
    ExpectEqual(Data(source), Data(rebuilt));
  }

  static Result<std::string> WriteNew(const DatabaseState& state, const std::string& name) {
    DestinationOptions options;
    options.create_database = name;
    auto destination = Must(NewPostgresDestination(server_->conninfo("postgres"), options));
    Must(destination->Check());
    return destination->Write(state, nullptr);
  }

  static postgres::Server* server_;
};

postgres::Server* PostgresDestinationTest::server_ = nullptr;

TEST_F(PostgresDestinationTest, NewDatabaseEqualsItsSource) {
  const DatabaseState state = MakeSource("source", kSourceSchema);
  Run("postgres", "CREATE DATABASE rebuilt");
  const auto report = Must(RebuildInto(server_->conninfo("rebuilt"), state, {}));
  EXPECT_THAT(report.lacking, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
  ExpectEqualDatabases("source", "rebuilt");
}

TEST_F(PostgresDestinationTest, OneTransactionGivesTheSame) {
  const DatabaseState state = MakeSource("source_one", kSourceSchema);
  Run("postgres", "CREATE DATABASE rebuilt_one");
  const auto report =
      Must(RebuildInto(server_->conninfo("rebuilt_one"), state, {.one_transaction = true}));
  EXPECT_THAT(report.lacking, IsEmpty());
  ExpectEqualDatabases("source_one", "rebuilt_one");
}

// Changes to one table of a state read live.
ListedTable* Find(DatabaseState* state, const std::string& name) {
  for (auto& table : state->tables) {
    if (table->relation().name == name) return static_cast<ListedTable*>(table.get());
  }
  return nullptr;
}

void KeepOnly(DatabaseState* state, const std::set<std::string>& names) {
  std::erase_if(state->tables,
                [&](const auto& table) { return !names.contains(table->relation().name); });
}

TEST_F(PostgresDestinationTest, PartitionedTablePublishedAsAWholeIsLoadedThroughItsRoot) {
  const DatabaseState state =
      MakeSource("source_root", kSourceSchema, "FOR ALL TABLES WITH (publish_via_partition_root)");
  Run("postgres", "CREATE DATABASE rebuilt_root");
  const auto report = Must(RebuildInto(server_->conninfo("rebuilt_root"), state, {}));
  EXPECT_THAT(report.lacking, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
  ExpectEqualDatabases("source_root", "rebuilt_root");
}

TEST_F(PostgresDestinationTest, SomeTablesComeWithoutTheRest) {
  DatabaseState state = MakeSource("source_some", kSourceSchema);
  KeepOnly(&state, {"readings", "measured_2016_odd", "a_holder"});
  Run("postgres", "CREATE DATABASE rebuilt_some");
  const auto report = Must(RebuildInto(server_->conninfo("rebuilt_some"), state, {}));
  EXPECT_THAT(report.lacking, IsEmpty());
  EXPECT_THAT(report.notes,
              UnorderedElementsAre(
                  "public.readings has no foreign key readings_at_sensor_fkey: public.measured is "
                  "not rebuilt",
                  "public.measured_2016_odd is an ordinary table: not all partitions of "
                  "public.measured_2016 are rebuilt"));
  EXPECT_EQ(Ask("rebuilt_some", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "3");
  // A partition that stands alone keeps the key that it had from above.
  EXPECT_EQ(Ask("rebuilt_some",
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p' AND "
                "conrelid = 'public.measured_2016_odd'::regclass"),
            "PRIMARY KEY (at, sensor)");
}

TEST_F(PostgresDestinationTest, WhatTheServerCannotMakeIsNamedAndLeftOut) {
  DatabaseState state = MakeSource("source_functions", R"sql(
    CREATE FUNCTION public.f(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
    CREATE DOMAIN public.even AS integer CONSTRAINT is_even CHECK (public.f(VALUE) % 2 = 1);
    CREATE TABLE public.t (id integer PRIMARY KEY, a integer DEFAULT public.f(1) CHECK (public.f(a) > 0),
      g integer GENERATED ALWAYS AS (public.f(id)) STORED, e public.even, UNIQUE (a));
    CREATE INDEX t_f ON public.t (public.f(a));
    CREATE TABLE public.u (a integer REFERENCES public.t);
    INSERT INTO public.t VALUES (1, 2, DEFAULT, 4);
  )sql");
  Find(&state, "u")->Add({"7"});  // of which the table it refers to has none
  Run("postgres", "CREATE DATABASE rebuilt_functions");
  for (const bool one_transaction : {false, true}) {
    const auto report =
        Must(RebuildInto(server_->conninfo("rebuilt_functions"), state,
                         {.one_transaction = one_transaction, .replace = one_transaction}));
    EXPECT_THAT(report.lacking,
                UnorderedElementsAre(StartsWith("constraint is_even of domain public.even: "),
                                     StartsWith("generated columns and collations of public.t: "),
                                     StartsWith("default of column a of public.t: "),
                                     StartsWith("index t_f of public.t: "),
                                     StartsWith("check constraint t_a_check of public.t: "),
                                     StartsWith("validity of foreign key u_a_fkey of public.u: ")));
    EXPECT_EQ(Ask("rebuilt_functions",
                  "SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint WHERE "
                  "conrelid = 'public.t'::regclass"),
              "t_a_key t_pkey");
    EXPECT_EQ(Ask("rebuilt_functions", "SELECT t::text FROM public.t"), "(1,2,4)");
  }
}

TEST_F(PostgresDestinationTest, TheStreamsColumnsRuleOverTheDefinition) {
  DatabaseState state = MakeSource("source_columns",
                                   "CREATE TABLE public.t (id integer PRIMARY KEY, gone text, kept "
                                   "varchar(3) DEFAULT 'x')");
  // Dropped, widened and added since the definition was taken.
  Relation relation = Find(&state, "t")->relation();
  relation.columns.erase(relation.columns.begin() + 1);
  relation.columns[1].type_modifier = 9 + 4;
  relation.columns.push_back({.name = "added",
                              .type_oid = 1700,
                              .type_modifier = ((10 << 16) | 2) + 4,
                              .key = false,
                              .type_schema = {},
                              .type_name = {}});
  auto table = std::make_unique<ListedTable>(relation);
  table->Add({"1", "long one", "1.25"});
  state.tables[0] = std::move(table);
  Run("postgres", "CREATE DATABASE rebuilt_columns");
  const auto report = Must(RebuildInto(server_->conninfo("rebuilt_columns"), state, {}));
  EXPECT_THAT(report.notes, UnorderedElementsAre(HasSubstr("column gone of public.t is left out"),
                                                 HasSubstr("column added of public.t")));
  EXPECT_EQ(
      Ask("rebuilt_columns",
          "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER "
          "BY attnum) FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attnum > 0"),
      "id integer, kept character varying(9), added numeric(10,2)");
  EXPECT_EQ(Ask("rebuilt_columns", "SELECT t::text FROM public.t"), "(1,\"long one\",1.25)");
}

TEST_F(PostgresDestinationTest, TableWithoutADefinitionHasColumnsAndKey) {
  DatabaseState state = MakeSource("source_unknown",
                                   "CREATE TABLE public.t (a text, b integer, PRIMARY KEY (b, a));"
                                   "INSERT INTO public.t VALUES ('x', 1)");
  state.definition.tables.clear();
  Run("postgres", "CREATE DATABASE rebuilt_unknown");
  const auto report = Must(RebuildInto(server_->conninfo("rebuilt_unknown"), state, {}));
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("public.t has its columns and key alone")));
  EXPECT_EQ(Ask("rebuilt_unknown", "SELECT t::text FROM public.t"), "(x,1)");
  EXPECT_EQ(Ask("rebuilt_unknown",
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = "
                "'public.t'::regclass"),
            "PRIMARY KEY (a, b)");
}

TEST_F(PostgresDestinationTest, NewDatabaseBearsItsNameAndInstant) {
  DatabaseState state = MakeSource("source_named", "CREATE TABLE public.t (a integer)");
  state.target.instant = Must(Timestamp::Parse("2016-11-30 09:29:00.5-08"));
  const std::string file = server_->folder() + "/name";
  DestinationOptions options;
  options.create_database = "";
  options.database_file = file;
  auto destination = Must(NewPostgresDestination(server_->conninfo("postgres"), options));
  EXPECT_THAT(Must(destination->Write(state, nullptr)),
              HasSubstr("rebuilt 1 table with 0 rows in new database trunkline_"));
  std::ifstream stream(file);
  std::string name;
  ASSERT_TRUE(std::getline(stream, name));
  EXPECT_THAT(name, MatchesRegex("trunkline_[0-9]{8}_[0-9]{6}_[0-9a-f]{8}"));
  EXPECT_EQ(Ask(name, "SHOW trunkline.as_of"), "2016-11-30 17:29:00.5+00");
  EXPECT_THAT(Databases(), Contains(name));
  Run("postgres", "DROP DATABASE " + name);
}

TEST_F(PostgresDestinationTest, ANameInUseIsRefused) {
  const DatabaseState state = MakeSource("source_taken", "CREATE TABLE public.t (a integer)");
  DestinationOptions options;
  options.create_database = "source_taken";
  auto destination = Must(NewPostgresDestination(server_->conninfo("postgres"), options));
  EXPECT_EQ(destination->Check().error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(destination->Write(state, nullptr).error().kind, ErrorKind::kAlreadyExists);
}

TEST_F(PostgresDestinationTest, ForceReplacesTheDatabaseAndWhatAKilledAttemptLeft) {
  const DatabaseState state = MakeSource("source_again", "CREATE TABLE public.t (a integer)");
  Sha256 sha256;
  sha256.Update("again");
  const std::string digest = sha256.Finish();
  std::string incomplete = "trunkline_incomplete_";
  for (size_t i = 0; i < 4; ++i) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned char>(digest[i]));
    incomplete += digits.data();
  }
  Run("postgres", "CREATE DATABASE again");
  Run("postgres", "CREATE DATABASE " + incomplete);
  // A session that the killed process left.
  auto left =
      Must(Connection::Open(server_->conninfo(incomplete), postgres::Mode::kNormal, "left"));
  DestinationOptions options;
  options.create_database = "again";
  options.force = true;
  auto destination = Must(NewPostgresDestination(server_->conninfo("postgres"), options));
  Must(destination->Check());
  Must(destination->Write(state, nullptr));
  EXPECT_EQ(Ask("again", "SELECT count(*) FROM public.t"), "0");
  EXPECT_THAT(Databases(), Not(Contains(incomplete)));
}

TEST_F(PostgresDestinationTest, AFailureLeavesNoNewDatabase) {
  DatabaseState state =
      MakeSource("source_failing", "CREATE TABLE public.t (a integer PRIMARY KEY)");
  Find(&state, "t")->Add({"1"});
  Find(&state, "t")->Add({"1"});
  const auto before = Databases();
  const auto written = WriteNew(state, "never");
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("could not create unique index"));
  EXPECT_THAT(Databases(), UnorderedElementsAreArray(before));
}

class ExistingDatabaseTest : public PostgresDestinationTest {
 protected:
  static Result<std::string> WriteExisting(const DatabaseState& state, const std::string& database,
                                           bool force) {
    DestinationOptions options;
    options.force = force;
    auto destination = Must(NewPostgresDestination(server_->conninfo(database), options));
    Must(destination->Check());
    return destination->Write(state, nullptr);
  }
};

TEST_F(ExistingDatabaseTest, TablesThatAreThereAreReplacedByForceAlone) {
  const DatabaseState state =
      MakeSource("source_there",
                 "CREATE TYPE public.mood AS ENUM ('sad'); CREATE TABLE public.t "
                 "(a integer, m public.mood); INSERT INTO public.t VALUES (1, 'sad')");
  Run("postgres", "CREATE DATABASE there");
  Run("there", "CREATE TABLE public.t (old text); CREATE TABLE public.other (b text)");
  const auto refused = WriteExisting(state, "there", false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_THAT(refused.error().message, HasSubstr("public.t"));
  EXPECT_EQ(Ask("there", "SELECT count(*) FROM public.t"), "0");

  Must(WriteExisting(state, "there", true));
  EXPECT_EQ(Ask("there", "SELECT t::text FROM public.t"), "(1,sad)");
  Must(WriteExisting(state, "there", true));  // the type is there by now
  EXPECT_EQ(Ask("there", "SELECT t::text FROM public.t"), "(1,sad)");
  EXPECT_EQ(Ask("there", "SELECT count(*) FROM public.other"), "0");
}

TEST_F(ExistingDatabaseTest, AFailureLeavesItAsItWas) {
  DatabaseState state = MakeSource("source_bad",
                                   "CREATE TABLE public.a (id integer PRIMARY KEY);"
                                   "CREATE TABLE public.b (id integer PRIMARY KEY)");
  Run("postgres", "CREATE DATABASE as_it_was");
  Run("as_it_was", "CREATE TABLE public.a (old text); INSERT INTO public.a VALUES ('kept')");
  Find(&state, "b")->Add({"no number"});
  const auto written = WriteExisting(state, "as_it_was", true);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("table public.b"));
  EXPECT_THAT(written.error().ToString(), Not(HasSubstr("no number")));  // a row's value
  EXPECT_EQ(Ask("as_it_was", "SELECT old FROM public.a"), "kept");
  EXPECT_EQ(Ask("as_it_was", "SELECT to_regclass('public.b') IS NULL"), "t");
}

// DROP TABLE does not cascade: what was not named stays.
TEST_F(ExistingDatabaseTest, ForceDoesNotDropWhatDependsOnATable) {
  const DatabaseState state = MakeSource("source_view", "CREATE TABLE public.t (a integer)");
  Run("postgres", "CREATE DATABASE with_view");
  Run("with_view",
      "CREATE TABLE public.t (a integer); CREATE VIEW public.v AS SELECT a FROM public.t");
  const auto written = WriteExisting(state, "with_view", true);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("other objects depend on it"));
  EXPECT_EQ(Ask("with_view", "SELECT count(*) FROM public.v"), "0");
}

TEST_F(ExistingDatabaseTest, ARoleWithoutRightsIsTold) {
  const DatabaseState state = MakeSource("source_rights", "CREATE TABLE public.t (a integer)");
  Run("postgres", "CREATE ROLE nobody LOGIN");
  const std::string conninfo = server_->conninfo("postgres") + " user=nobody";
  DestinationOptions options;
  options.create_database = "never";
  const auto checked = Must(NewPostgresDestination(conninfo, options))->Check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::kDenied);
}

}  // namespace
}  // namespace trunkline::test
