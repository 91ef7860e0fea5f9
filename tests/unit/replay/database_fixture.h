// Databases on one private server for a suite of tests: sources to rebuild, and what was rebuilt,
// compared as pg_dump prints them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "postgres/server.h"
#include "replay/destination.h"
#include "tests/unit/replay/live_state.h"

namespace trunkline::test {

// Every kind of table, type, column and constraint that a rebuilt database has.
inline constexpr char kSourceSchema[] = R"sql(
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

inline std::string RunShell(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), got);
  }
  EXPECT_EQ(pclose(pipe), 0) << output;
  return output;
}

class DatabaseFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    postgres::ServerOptions options;
    options.settings.push_back("wal_level = logical");
    options.settings.push_back("shared_buffers = 32MB");
    server_ = Must(postgres::Server::Start(options)).release();
  }
  static void TearDownTestSuite() { delete server_; }

  static postgres::Connection Open(const std::string& database) {
    return Must(
        postgres::Connection::Open(server_->conninfo(database), postgres::Mode::kNormal, "test"));
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
    std::istringstream dump(RunShell(server_->bin_directory() + "/pg_dump " + options +
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
    EXPECT_THAT(missing, ::testing::IsEmpty());
    EXPECT_THAT(added, ::testing::IsEmpty());
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

  static inline postgres::Server* server_ = nullptr;
};

// Changes to one table of a state read live.
inline ListedTable* Find(DatabaseState* state, const std::string& name) {
  for (auto& table : state->tables) {
    if (table->relation().name == name) return static_cast<ListedTable*>(table.get());
  }
  return nullptr;
}

inline void KeepOnly(DatabaseState* state, const std::set<std::string>& names) {
  std::erase_if(state->tables,
                [&](const auto& table) { return !names.contains(table->relation().name); });
}

}  // namespace trunkline::test
