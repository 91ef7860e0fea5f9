// Rows and indexes that are written into a data folder's files, against the database that they came
// from and the server's own checks of its files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "replay/pgdata_file.h"
#include "replay/pgdata_page.h"
#include "tests/unit/replay/database_fixture.h"

namespace trunkline::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PgdataLoadTest : public DatabaseFixture {
 protected:
  // A folder that the user postgres can enter as well.
  PgdataLoadTest() {
    if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no folder");
    fs::permissions(folder_, fs::perms(0755));
  }
  ~PgdataLoadTest() override {
    if (rebuilt_) server_ = source_;
    rebuilt_.reset();
    fs::remove_all(folder_);
  }

  Result<std::string> Write(const DatabaseState& state) const {
    ASSIGN_OR_RETURN(const auto destination, OpenDestination("pgdata:" + folder_ + "/data", {}));
    TRY(destination->Check());
    destination->Prepare(state.definition.database);
    return destination->Write(state, nullptr);
  }

  // From now on, questions go to a server on a copy of what was written.
  void StartOnIt() {
    const std::string access = folder_ + "/hba";
    std::ofstream(access) << "local all all trust\n";
    rebuilt_ = Must(postgres::Server::Start(
        {.settings = {"hba_file = '" + access + "'", "shared_buffers = 32MB"},
         .copy_of = folder_ + "/data"}));
    source_ = std::exchange(server_, rebuilt_.get());
  }

  void ExpectSoundFiles(const std::string& database) {
    if (Ask(database, "SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'") == "0")
      return;
    Run(database,
        "CREATE SCHEMA IF NOT EXISTS checks; CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA checks");
    Run(database, R"sql(
      SELECT checks.bt_index_parent_check(c.oid, true, true)
      FROM pg_class c JOIN pg_am a ON a.oid = c.relam
      WHERE c.relkind = 'i' AND a.amname = 'btree' AND c.relnamespace = 'public'::regnamespace)sql");
    EXPECT_EQ(Ask(database, R"sql(
      SELECT coalesce(string_agg(c.relname || ' ' || v.msg, '; '), '')
      FROM pg_class c, LATERAL checks.verify_heapam(c.oid) v
      WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace)sql"),
              "");
  }

  // What COPY fills is emptied in the same transaction first, which gives a table and its indexes
  // new files; an index that is made later has only one, but of a number beyond these tables'.
  static std::string Written(const std::string& database) {
    return Ask(database, R"sql(
      SELECT coalesce(string_agg(relname, ' ' ORDER BY relname COLLATE "C"), '') FROM pg_class
      WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND
        relfilenode = oid AND relpages > 0 AND relallvisible = relpages)sql");
  }

  std::string folder_ = "/tmp/trunkline-load-XXXXXX";
  std::unique_ptr<postgres::Server> rebuilt_;
  postgres::Server* source_ = nullptr;
};

constexpr char kLargeTables[] = R"sql(
CREATE TABLE public.parents (id integer PRIMARY KEY, note text);
INSERT INTO public.parents SELECT i, 'parent' FROM generate_series(-10, 10) i;
CREATE TABLE public.types (
  id bigint PRIMARY KEY, parent integer NOT NULL REFERENCES public.parents, flag boolean,
  small smallint NOT NULL, r real, at timestamptz NOT NULL UNIQUE, t text, day date NOT NULL,
  f double precision, maybe integer REFERENCES public.parents, n numeric, nn numeric(12,3),
  v varchar(30), c char(5), b bytea, tm time(3), ts timestamp(0), u uuid, j json, o oid);
INSERT INTO public.types SELECT
  CASE WHEN i % 2 = 0 THEN i ELSE -i END, i % 21 - 10, i % 3 = 0, i % 500 - 250, i / 7.0::real,
  '2016-11-30'::timestamptz + i * '7.000001 s'::interval, repeat('ü', i % 140),
  CASE i % 50 WHEN 0 THEN 'infinity' WHEN 1 THEN '0044-03-15 BC' ELSE '1990-01-01'::date + i END,
  CASE i % 4 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE -1.0 / i END,
  CASE i % 10 WHEN 0 THEN NULL ELSE i % 21 - 10 END,
  CASE i % 9 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 1e300 WHEN 3 THEN i WHEN 4 THEN -i / 7.0
    WHEN 5 THEN 1e-200 WHEN 6 THEN 0.000 WHEN 7 THEN i * 10000 ELSE -0.5 END::numeric,
  CASE i % 3 WHEN 0 THEN 0 ELSE i * 1.001 END, repeat('é', i % 31), left(i::text, 3),
  decode(repeat(md5(i::text), i % 5), 'hex'), '24:00', '9999-12-31 23:59:59',
  md5(i::text)::uuid, '{"a":  1}', 4294967295 FROM generate_series(1, 12000) i;
CREATE INDEX by_parent ON public.types (parent);
CREATE INDEX by_small ON public.types (small);
CREATE INDEX by_day ON public.types (day);
CREATE INDEX by_maybe ON public.types (maybe);
CREATE INDEX by_text ON public.types (t);
CREATE INDEX by_two ON public.types (parent, small);
CREATE INDEX by_part ON public.types (id) WHERE id > 0;
CREATE INDEX downwards ON public.types (parent DESC);
CREATE INDEX by_value ON public.types (abs(parent));
CREATE INDEX by_hash ON public.types USING hash (parent);
CREATE INDEX loose ON public.types (small) WITH (fillfactor = 50);

ALTER TABLE public.types ADD CONSTRAINT "never ""checked""" FOREIGN KEY (parent)
  REFERENCES public.parents NOT VALID;

CREATE TABLE public.deep (id bigint PRIMARY KEY, k integer NOT NULL);
INSERT INTO public.deep SELECT i, i % 3 FROM generate_series(1, 150000) i;
CREATE INDEX deep_k ON public.deep (k);

CREATE TABLE public.wide (id integer PRIMARY KEY, t text);
INSERT INTO public.wide SELECT i, repeat('x', CASE i WHEN 9000 THEN 3000 ELSE 1 END)
  FROM generate_series(1, 10000) i;
CREATE INDEX wide_index ON public.wide (id);
CREATE TABLE public.points (id integer PRIMARY KEY, p point);
INSERT INTO public.points SELECT i, point(i, i) FROM generate_series(1, 10000) i;
CREATE TABLE public.generated (id integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO public.generated SELECT i FROM generate_series(1, 10000) i;
CREATE TABLE public.measured (id integer NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE public.measured_all PARTITION OF public.measured FOR VALUES FROM (0) TO (20000);
INSERT INTO public.measured SELECT i FROM generate_series(1, 10000) i;
)sql";

TEST_F(PgdataLoadTest, LargeTablesHoldWhatTheServerWouldHaveWritten) {
  DatabaseState state = MakeSource("source", kLargeTables);
  Must(Write(state));
  const auto schema = Schema("source");
  const auto data = Data("source");
  const std::string sizes =
      "SELECT concat_ws(' ', sum(pg_column_size(n)), sum(pg_column_size(nn)), "
      "sum(pg_column_size(t)), sum(pg_column_size(b)), sum(pg_column_size(c))) FROM public.types";
  const std::string stored = Ask("source", sizes);
  StartOnIt();
  EXPECT_EQ(Written("source"), "deep types");
  ExpectEqual(schema, Schema("source"));
  ExpectEqual(data, Data("source"));
  EXPECT_EQ(Ask("source", sizes), stored);
  ExpectSoundFiles("source");
  // Three levels, and keys that go on over many leaves.
  EXPECT_EQ(Ask("source", R"sql(SET enable_seqscan = off; SET enable_bitmapscan = off;
      SELECT concat_ws(' ', count(*), min(id), max(id)) FROM public.deep WHERE k = 1)sql"),
            "50000 1 149998");
  EXPECT_EQ(Ask("source", "SET enable_seqscan = off; SELECT k FROM public.deep WHERE id = 149999"),
            "2");
  // Life goes on.
  Run("source",
      "DELETE FROM public.deep WHERE id % 7 = 0; UPDATE public.deep SET k = k + 1 WHERE id % 5 = "
      "0");
  Run("source", "INSERT INTO public.deep SELECT -i, i % 4 FROM generate_series(1, 20000) i");
  Run("source", "VACUUM public.deep");
  ExpectSoundFiles("source");
}

std::string ForeignKeyIsValid(const std::string& table) {
  return "SELECT string_agg(convalidated::text, ' ') FROM pg_constraint WHERE contype = 'f' AND "
         "conrelid = '" +
         table + "'::regclass";
}

TEST_F(PgdataLoadTest, AKeyThatRefersToNothingIsNotValid) {
  DatabaseState state = MakeSource("source_orphans", R"sql(
    CREATE TABLE public.parents (id integer PRIMARY KEY);
    INSERT INTO public.parents VALUES (1), (2);
    CREATE TABLE public.sound (id integer PRIMARY KEY, parent integer NOT NULL REFERENCES public.parents);
    INSERT INTO public.sound SELECT i, 1 FROM generate_series(1, 10000) i;
    CREATE INDEX ON public.sound (parent);
    CREATE TABLE public.orphans (id integer PRIMARY KEY, parent integer NOT NULL REFERENCES public.parents);
    INSERT INTO public.orphans SELECT i, 2 FROM generate_series(1, 10000) i;
    CREATE INDEX ON public.orphans (parent);
  )sql");
  Find(&state, "orphans")->Add({"10001", "3"});
  Must(Write(state));
  StartOnIt();
  EXPECT_EQ(Written("source_orphans"), "orphans sound");
  EXPECT_EQ(Ask("source_orphans", ForeignKeyIsValid("public.sound")), "true");
  EXPECT_EQ(Ask("source_orphans", ForeignKeyIsValid("public.orphans")), "false");
}

TEST_F(PgdataLoadTest, WhatTheServerRefusesIsRefused) {
  const std::string table =
      "CREATE TABLE public.t (id integer PRIMARY KEY, n numeric(6,2) NOT NULL);"
      "INSERT INTO public.t SELECT i, 1 FROM generate_series(1, 10000) i";
  const DatabaseState whole = MakeSource("source_refused", table);
  const std::vector<std::pair<std::vector<std::optional<std::string>>, std::string>> refused = {
      {{"10000", "1.00"}, "could not create unique index"},
      {{"10001", std::nullopt}, "violates not-null constraint"},
      {{"10001", "123456.00"}, "numeric field overflow"},
      {{"ten", "1.00"}, "column id has a value that is none of its type"}};
  for (const auto& [row, message] : refused) {
    DatabaseState state = ReadLiveState(server_->conninfo("source_refused"), "trunkline");
    Find(&state, "t")->Add(row);
    const auto written = Write(state);
    ASSERT_FALSE(written) << message;
    EXPECT_THAT(written.error().message, HasSubstr(message));
    EXPECT_TRUE(fs::is_empty(folder_));
  }
}

// As where the source's column became one of another scale.
TEST_F(PgdataLoadTest, WhatTheServerChangesIsChanged) {
  DatabaseState state = MakeSource("source_changed", R"sql(
    CREATE TABLE public.t (id integer, n numeric(6,2), c char(5), ts timestamp(0));
    INSERT INTO public.t SELECT i, 1, 'a', '2016-11-30' FROM generate_series(1, 9999) i)sql");
  Find(&state, "t")->Add({"10000", "2.5", "b", "2016-11-30 00:00:00.6"});
  Must(Write(state));
  StartOnIt();
  EXPECT_EQ(
      Ask("source_changed", "SELECT format('%s|%s|%s', n, c, ts) FROM public.t WHERE id = 10000"),
      "2.50|b    |2016-11-30 00:00:01");
}

TEST(RelationFileTest, LargeOnesGoOnInFurtherSegments) {
  const std::string folder = ::testing::TempDir() + "relation_file";
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string path = folder + "/16384";
  std::ofstream(path).close();
  auto file = Must(RelationFile::Open(path, 2 * kPageBytes));
  std::string pages;
  for (const char c : {'a', 'b', 'c', 'd', 'e'}) pages += std::string(kPageBytes, c);
  Must(file.Write(1, std::string_view(pages).substr(kPageBytes)));
  Must(file.Write(0, std::string_view(pages).substr(0, kPageBytes)));
  std::string found;
  for (const char* segment : {"", ".1", ".2"}) {
    std::ifstream content(path + segment);
    found.append(std::istreambuf_iterator<char>(content), {});
  }
  EXPECT_EQ(found, pages);
  EXPECT_EQ(fs::file_size(path + ".2"), kPageBytes);
  EXPECT_EQ(Must(file.Read(1)), std::string(kPageBytes, 'b'));
  Must(file.Clear());
  EXPECT_EQ(fs::file_size(path), 0U);
  EXPECT_FALSE(fs::exists(path + ".1"));
  EXPECT_FALSE(RelationFile::Open(folder + "/none", kPageBytes));
}

}  // namespace
}  // namespace trunkline::test
