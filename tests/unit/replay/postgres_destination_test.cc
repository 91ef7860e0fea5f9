// Rebuilds what a live server holds and compares: the schema as pg_dump prints it, and every row.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <future>

#include "archive/sha256.h"
#include "replay/destination.h"
#include "replay/postgres_rebuild.h"
#include "tests/unit/replay/database_fixture.h"

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

using PostgresDestinationTest = DatabaseFixture;

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

TEST_F(PostgresDestinationTest, WhatIsPreparedIsUsedWhereItFits) {
  const DatabaseState state = MakeSource("source_like", "CREATE TABLE public.t AS SELECT 1 AS a");
  const auto before = Databases();
  DestinationOptions options;
  options.create_database = "prepared";
  DatabaseDefinition other = state.definition.database;
  other.encoding = "LATIN1";
  other.collate = other.ctype = "C";
  for (const DatabaseDefinition& database : {state.definition.database, other}) {
    auto destination = Must(NewPostgresDestination(server_->conninfo("postgres"), options));
    Must(destination->Check());
    destination->Prepare(database);
    Must(destination->Write(state, nullptr));
    EXPECT_EQ(Ask("prepared", "SELECT a FROM public.t"), "1");
    EXPECT_EQ(Ask("prepared", "SHOW server_encoding"), "UTF8");
    Run("postgres", "DROP DATABASE prepared");
    EXPECT_THAT(Databases(), UnorderedElementsAreArray(before));
  }
  {
    auto destination = Must(NewPostgresDestination(server_->conninfo("postgres"), options));
    destination->Prepare(state.definition.database);
  }
  EXPECT_THAT(Databases(), UnorderedElementsAreArray(before)) << "it was never written to";
}

TEST_F(PostgresDestinationTest, TwoInstantsAreRebuiltSideBySide) {
  const DatabaseState early = MakeSource("source_early", "CREATE TABLE public.t AS SELECT 1 AS a");
  const DatabaseState late = MakeSource("source_late", "CREATE TABLE public.t AS SELECT 2 AS a");
  auto first = std::async(std::launch::async, [&] { return WriteNew(early, "instant_early"); });
  auto second = std::async(std::launch::async, [&] { return WriteNew(late, "instant_late"); });
  Must(first.get());
  Must(second.get());
  EXPECT_EQ(Ask("instant_early", "SELECT a FROM public.t"), "1");
  EXPECT_EQ(Ask("instant_late", "SELECT a FROM public.t"), "2");
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
