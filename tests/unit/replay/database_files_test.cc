// A state as a script and as a PGDATA, loaded and started, against the database that it came from;
// and what the types of its columns have to do with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "replay/binary_value.h"
#include "replay/postgres_rebuild.h"
#include "replay/type_text.h"
#include "tests/integration/every_type.h"
#include "tests/unit/replay/database_fixture.h"

namespace trunkline::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<std::string> WriteTo(const std::string& address, const DatabaseState& state,
                            const DestinationOptions& options = {}) {
  ASSIGN_OR_RETURN(const auto destination, OpenDestination(address, options));
  TRY(destination->Check());
  destination->Prepare(state.definition.database);
  return destination->Write(state, nullptr);
}

// Names that a script could take for something else, and what such a table may hold.
constexpr char kOddNames[] = R"sql(
CREATE TABLE public."new
line; \! touch FOLDER/broken_out" ("co
l:""x""" integer PRIMARY KEY, "\." text DEFAULT E'a\\b:"x"', n integer, arr integer[],
  CHECK (arr[n:2] <> '{9,9}'), "$sql$" integer GENERATED ALWAYS AS (arr[n]) STORED);
INSERT INTO public."new
line; \! touch FOLDER/broken_out" VALUES (1, '\.', 1, NULL), (2, E'\n\\.\n', 1, '{1,2}'), (3, E'\r', 5, '{}');
CREATE TABLE public."$do$
\q" (t text CHECK (t <> '$sql$ $do$' AND t <> ':n'));
INSERT INTO public."$do$
\q" VALUES ('\.'), (''), (NULL), ('\N'), (E'\t');
)sql";

std::string OddNames(const std::string& folder) {
  std::string sql = kOddNames;
  const std::string word = "FOLDER";
  for (size_t at = sql.find(word); at != std::string::npos; at = sql.find(word, at)) {
    sql.replace(at, word.size(), folder);
  }
  return sql;
}

class DatabaseFilesTest : public DatabaseFixture {
 protected:
  static std::string folder() { return server_->folder(); }

  // What psql says, with `n` set as a variable of its own.
  static std::string Psql(const std::string& database, const std::string& script) {
    return RunShell("cd " + folder() + " && " + server_->bin_directory() + "/psql -XAtq -v n=7 " +
                    "--dbname=\"" + server_->conninfo(database) + "\" -f " + script);
  }
  static std::string Load(const std::string& script, const std::string& database) {
    Run("postgres", "CREATE DATABASE " + database);
    return Psql(database, script);
  }
};

TEST_F(DatabaseFilesTest, AScriptMakesADatabaseThatEqualsItsSource) {
  DatabaseState state = MakeSource("source", kSourceSchema + OddNames(folder()));
  state.target.instant = Must(Timestamp::Parse("2016-11-30 09:29:00.5-08"));
  state.definition.database.name = "new\nline'\\! touch " + folder() + "/broken_out";
  const std::string script = folder() + "/script.sql";
  EXPECT_THAT(Must(WriteTo("sql:" + script, state)), HasSubstr("in the script " + script));
  EXPECT_EQ(Load(script, "loaded"), "");
  ExpectEqualDatabases("source", "loaded");
  EXPECT_EQ(Ask("loaded", "SHOW trunkline.as_of"), "2016-11-30 17:29:00.5+00");
  EXPECT_FALSE(fs::exists(folder() + "/broken_out"));
}

TEST_F(DatabaseFilesTest, AScriptWarnsOfWhatTheServerCannotMake) {
  const DatabaseState state = MakeSource("source_functions", R"sql(
    CREATE FUNCTION public.f(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
    CREATE TABLE public.t (id integer PRIMARY KEY, a integer DEFAULT public.f(1),
      g integer GENERATED ALWAYS AS (public.f(id)) STORED, CHECK (public.f(a) > 0), UNIQUE (a));
    CREATE INDEX "t's f" ON public.t (public.f(a));
    INSERT INTO public.t VALUES (1, 2))sql");
  const std::string script = folder() + "/functions.sql";
  Must(WriteTo("sql:" + script, state));
  EXPECT_THAT(Load(script, "loaded_functions"),
              AllOf(HasSubstr("rebuilt without generated columns and collations of public.t: "),
                    HasSubstr("rebuilt without default of column a of public.t: "),
                    HasSubstr("rebuilt without index t's f of public.t: "),
                    HasSubstr("rebuilt without check constraint t_a_check of public.t: ")));
  EXPECT_EQ(Ask("loaded_functions", "SELECT t::text FROM public.t"), "(1,2)");
  EXPECT_EQ(Ask("loaded_functions",
                "SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint WHERE "
                "conrelid = 'public.t'::regclass"),
            "t_a_key t_pkey");
}

TEST_F(DatabaseFilesTest, AScriptThatFailsLoadsNothing) {
  const DatabaseState state =
      MakeSource("source_twice", "CREATE TABLE public.a (i integer); CREATE TABLE public.b ()");
  const std::string script = folder() + "/twice.sql";
  Must(WriteTo("sql:" + script, state));
  Run("postgres", "CREATE DATABASE twice");
  Run("twice", "CREATE TABLE public.b (mine text)");
  EXPECT_THAT(RunShell("! " + server_->bin_directory() + "/psql -Xq --dbname=\"" +
                       server_->conninfo("twice") + "\" -f " + script),
              HasSubstr("relation \"b\" already exists"));
  EXPECT_EQ(Ask("twice", "SELECT to_regclass('public.a') IS NULL"), "t");
}

TEST_F(DatabaseFilesTest, AScriptReplacesAFileByForceAlone) {
  const DatabaseState state = MakeSource("source_file", "CREATE TABLE public.a (i integer)");
  const std::string script = folder() + "/file.sql";
  std::ofstream(script) << "mine";
  EXPECT_EQ(WriteTo("sql:" + script, state).error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(Content(script), "mine");
  Must(WriteTo("sql:" + script, state, {.force = true}));
  EXPECT_THAT(Content(script), HasSubstr("CREATE TABLE"));
  EXPECT_FALSE(fs::exists(script + ".partial"));
  for (const std::string& file :
       {std::string(), folder(), folder() + "/x/", folder() + "/x.gz", folder() + "/x.csv"}) {
    EXPECT_EQ(WriteTo("sql:" + file, state).error().kind, ErrorKind::kInvalidArgument) << file;
  }
  EXPECT_EQ(WriteTo("sql:" + folder() + "/no/such.sql", state).error().kind, ErrorKind::kNotFound);
}

// A table for each type, so that each that COPY can take as binary is taken so.
TEST_F(DatabaseFilesTest, EveryTypeComesBackHoweverItTravels) {
  std::string sql;
  int number = 0;
  for (const TypeSample& sample : TypeSamples()) {
    const std::string table = "public.t" + std::to_string(number++);
    sql += "CREATE TABLE " + table + " (a integer, v " + sample.type + "); INSERT INTO " + table +
           " VALUES (0, NULL)";
    for (const std::string& literal : sample.literals) sql += ", (1, " + literal + ")";
    sql += ";";
  }
  DatabaseState state = MakeSource("source_types", sql);
  Run("postgres", "CREATE DATABASE types_copied");
  EXPECT_THAT(Must(RebuildInto(server_->conninfo("types_copied"), state, {})).lacking, IsEmpty());
  ExpectEqual(Data("source_types"), Data("types_copied"));
  const std::string script = folder() + "/types.sql";
  Must(WriteTo("sql:" + script, state));
  EXPECT_EQ(Load(script, "types_loaded"), "");
  ExpectEqual(Data("source_types"), Data("types_loaded"));
}

TEST_F(DatabaseFilesTest, BuiltInTypesAreNamedAsTheServerNamesThem) {
  auto connection = Open("postgres");
  const auto rows = Must(connection.Exec(R"sql(
    SELECT t.oid, m.modifier, format_type(t.oid, m.modifier)
    FROM pg_type t, LATERAL (
      SELECT -1 UNION ALL SELECT unnest(CASE
        WHEN typname IN ('numeric', '_numeric') THEN ARRAY[655366, 655360 + 4] ||
          CASE WHEN current_setting('server_version_num')::integer >= 150000 THEN 65536 * 5 + 2047 + 4 END
        WHEN typname IN ('interval', '_interval')
          THEN ARRAY[(1032 << 16) | 3, (32767 << 16) | 3, (7176 << 16) | 2, (6 << 16) | 65535]
        WHEN typname ~ '^_?(bpchar|varchar|bit|varbit|time|timetz|timestamp|timestamptz)$'
          THEN ARRAY[5, 6] END)) m (modifier)
    WHERE t.oid < 10000)sql"));
  ASSERT_GT(rows.size(), 200);
  for (int i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(BuiltinTypeText(static_cast<uint32_t>(std::stoul(std::string(rows.at(i, 0)))),
                              std::stoi(std::string(rows.at(i, 1)))),
              rows.at(i, 2));
  }
}

TEST(BinaryValueTest, WhatIsNoValueOfTheTypeIsRefused) {
  const std::vector<std::pair<uint32_t, const char*>> wrong = {
      {16, "true"},
      {16, ""},
      {21, "32768"},
      {23, "1 "},
      {23, ""},
      {20, "9223372036854775808"},
      {17, "\\x0"},
      {17, "\\xgg"},
      {17, "abc"},
      {700, "1e"},
      {701, ""},
      {701, "inf"},
      {1082, "2016-02-30"},
      {1082, "99999999-01-01"},
      {1082, "BC"},
      {1114, "2016-11-30"},
      {1114, "294277-01-01 00:00:00"},
      {1184, "2016-11-30 00:00:00+01"},
      {1083, "25:00:00"},
      {1700, "1..2"},
      {1700, ""},
      {1700, "--1"},
      {1700, "nan"},
      {2950, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1"}};
  for (const auto& [oid, text] : wrong) {
    std::string out;
    EXPECT_FALSE(BinaryEncoder::For(oid)->Append(Cell::Text(text), &out)) << oid << " " << text;
    EXPECT_FALSE(BinaryEncoder::For(oid)->Append(CellOf(text), &out)) << oid << " " << text;
  }
}

TEST(BinaryEncoderTest, TakesNumbersForTheirText) {
  const std::vector<std::pair<uint32_t, std::string_view>> values = {
      {20, "-9223372036854775808"},
      {21, "-32768"},
      {21, "32767"},
      {23, "-2147483648"},
      {26, "4294967295"},
      {25, "12"},
      {1043, "2016-11-30"},
      {700, "1.5"},
      {701, "-7"},
      {1082, "1999-12-31"},
      {1114, "2016-11-30 17:29:00.25"},
      {1184, "0001-01-01 00:00:00+00"},
      {1700, "-12.50"},
      {3802, "17"}};
  for (const auto& [oid, text] : values) {
    std::string of_text;
    std::string of_number;
    ASSERT_EQ(CellOf(text).kind, Cell::Kind::kNumber) << text;
    EXPECT_TRUE(BinaryEncoder::For(oid)->Append(Cell::Text(text), &of_text)) << oid << " " << text;
    EXPECT_TRUE(BinaryEncoder::For(oid)->Append(CellOf(text), &of_number)) << oid << " " << text;
    EXPECT_EQ(of_number, of_text) << oid << " " << text;
  }
}

class PgdataDestinationTest : public DatabaseFixture {
 protected:
  // A folder that the user postgres can enter as well.
  PgdataDestinationTest() : folder_(Must(MakeFolder())) {}
  ~PgdataDestinationTest() override { fs::remove_all(folder_); }
  static Result<std::string> MakeFolder() {
    std::string path = "/tmp/trunkline-pgdata-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) return Fail(ErrorKind::kFailed, "no folder");
    fs::permissions(path, fs::perms(0755));
    return path;
  }
  std::string data() const { return folder_ + "/data"; }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  const std::string folder_;
};

// The database is called like one that every server has, and --force replaces a folder.
TEST_F(PgdataDestinationTest, AServerStartsOnItAndHasTheState) {
  DatabaseState state = MakeSource("source", kSourceSchema);
  state.definition.database.name = "postgres";
  fs::create_directories(data());
  std::ofstream(data() + "/PG_VERSION") << "15\n";
  EXPECT_EQ(WriteTo("pgdata:" + data(), state).error().kind, ErrorKind::kAlreadyExists);
  std::ofstream(data() + "/postmaster.pid") << "1\n";
  EXPECT_THAT(WriteTo("pgdata:" + data(), state, {.force = true}).error().message,
              HasSubstr("has a server that runs"));
  fs::remove(data() + "/postmaster.pid");
  state.target.instant = Must(Timestamp::Parse("2016-11-30 09:29:00.5-08"));
  EXPECT_THAT(Must(WriteTo("pgdata:" + data(), state, {.force = true})),
              AllOf(HasSubstr("database postgres"), HasSubstr("for Postgres "),
                    HasSubstr("belongs to " + postgres::ServerUser())));
  EXPECT_THAT(Names(), ::testing::ElementsAre("data"));
  // As initdb made it, safe to use: nothing of the server that filled it.
  struct stat status {};
  ASSERT_EQ(stat(data().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  EXPECT_THAT(Content(data() + "/postgresql.conf"),
              AllOf(HasSubstr("max_connections = "), Not(HasSubstr("\nfsync")),
                    Not(HasSubstr("trunkline")), Not(HasSubstr("\nwal_level"))));
  EXPECT_THAT(Content(data() + "/pg_hba.conf"),
              AllOf(HasSubstr("peer"), HasSubstr("scram-sha-256"), Not(HasSubstr("\ntrust"))));
  EXPECT_FALSE(fs::exists(data() + "/postmaster.pid"));
  EXPECT_FALSE(fs::exists(data() + "/postmaster.opts"));

  // Another server, with access for us, on a copy.
  const std::string access = folder_ + "/hba";
  std::ofstream(access) << "local all all trust\n";
  const auto started = Must(postgres::Server::Start(
      {.settings = {"hba_file = '" + access + "'", "shared_buffers = 32MB"}, .copy_of = data()}));
  const auto source_schema = Schema("source");
  const auto source_data = Data("source");
  postgres::Server* const ours = std::exchange(server_, started.get());
  ExpectEqual(source_schema, Schema("postgres"));
  ExpectEqual(source_data, Data("postgres"));
  EXPECT_EQ(Ask("postgres", "SHOW trunkline.as_of"), "2016-11-30 17:29:00.5+00");
  EXPECT_NE(Ask("postgres", "SELECT count(*) FROM pg_stats WHERE schemaname = 'public'"), "0");
  server_ = ours;
}

TEST_F(PgdataDestinationTest, AFailureLeavesNothing) {
  DatabaseState state =
      MakeSource("source_failing", "CREATE TABLE public.t (a integer PRIMARY KEY)");
  for (int i = 0; i < 2; ++i) Find(&state, "t")->Add({"1"});
  const auto written = WriteTo("pgdata:" + data(), state);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("could not create unique index"));
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(PgdataDestinationTest, WhatIsNoPgdataIsNeverReplaced) {
  fs::create_directories(data());
  std::ofstream(data() + "/precious") << "mine";
  DestinationOptions options{.force = true};
  const auto check = [&](const std::string& address) {
    const auto destination = OpenDestination(address, options);
    return destination ? (*destination)->Check() : Result<void>(Fail(destination.error()));
  };
  EXPECT_THAT(check("pgdata:" + data()).error().message, HasSubstr("something else than a PGDATA"));
  EXPECT_EQ(check("pgdata:").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(check("pgdata:/dev/null").error().kind, ErrorKind::kAlreadyExists);
  EXPECT_THAT(check("pgdata:/proc").error().message, HasSubstr("mount point"));
  options.create_database = "template1";
  EXPECT_EQ(check("pgdata:" + folder_ + "/new").error().kind, ErrorKind::kInvalidArgument);
  options.create_database = std::string(64, 'x');
  EXPECT_EQ(check("pgdata:" + folder_ + "/new").error().kind, ErrorKind::kInvalidArgument);
}

TEST(DestinationTest, OptionsOfAnotherDestinationAreRefused) {
  const auto kind = [](const std::string& address, const DestinationOptions& options) {
    const auto opened = OpenDestination(address, options);
    return opened ? std::optional<ErrorKind>() : opened.error().kind;
  };
  EXPECT_EQ(kind("sql:x", {.create_database = "x"}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind("csv:x", {.create_database = "x"}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind("pgdata:x", {.create_database = ""}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind("pgdata:x", {.create_database = "x"}), std::nullopt);
  EXPECT_EQ(kind("pgdata:x", {.database_file = "x"}), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind("elsewhere:x", {}), ErrorKind::kInvalidArgument);
}

TEST(DestinationTest, AnArchiveIsNoPlaceForADestination) {
  const std::string archive = "/tmp/archive";
  for (const char* within :
       {"/tmp/archive", "/tmp/archive/csv", "/tmp/archive/../archive/x", "/tmp"}) {
    EXPECT_FALSE(CheckApart(within, archive)) << within;
    EXPECT_FALSE(CheckApart(within, "file://" + archive)) << within;
  }
  for (const char* apart : {"/tmp/archive2", "/tmp/other/archive", "", "-"}) {
    EXPECT_TRUE(CheckApart(apart, archive)) << apart;
  }
  EXPECT_TRUE(CheckApart("/tmp/archive/csv", "s3://tmp/archive"));
}

}  // namespace
}  // namespace trunkline::test
