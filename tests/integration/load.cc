#include "tests/integration/load.h"

#include <functional>

#include "tests/integration/every_type.h"
#include "tests/support/files.h"
#include "tests/support/program.h"

namespace trunkline::test {
namespace {

constexpr int kIds = 40;

int64_t Pick(Random& random, int64_t least, int64_t most) {
  return std::uniform_int_distribution<int64_t>(least, most)(random);
}
bool Chance(Random& random, int percent) { return Pick(random, 1, 100) <= percent; }
std::string Id(Random& random) { return std::to_string(Pick(random, 1, kIds)); }

template <typename T>
const T& OneOf(Random& random, const std::vector<T>& values) {
  return values[static_cast<size_t>(Pick(random, 0, static_cast<int64_t>(values.size()) - 1))];
}

std::string Word(Random& random) {
  static const std::vector<std::string> words = {
      "NULL",          "''",     "' '",     "'a,b'",           "E'x\\ny'",
      "E'tab\\t\\\\'", "'q\"q'", "'it''s'", "'Größe 🦏'",  "'\\.'",
      "'\\N'",         "'NULL'", "'plain'", "repeat('v', 300)"};
  return OneOf(random, words);
}

// Text of `kib` KiB that does not compress.
std::string Noise(Random& random, int64_t kib) {
  return "(SELECT string_agg(md5((g * " + std::to_string(Pick(random, 1, 1'000'000)) +
         ")::text), '') FROM generate_series(1, " + std::to_string(kib * 32) + ") g)";
}
int64_t NoiseKib(Random& random) {
  return Chance(random, 4) ? Pick(random, 2100, 3300) : Pick(random, 3, 40);
}

std::string EveryType(Random& random) {
  const auto& samples = TypeSamples();
  if (Chance(random, 40)) {
    std::string columns = "id";
    std::string values = Id(random);
    for (const TypeSample& sample : samples) {
      columns += ", " + postgres::QuoteIdentifier(sample.column);
      values += ", " + (Chance(random, 10) ? "NULL" : OneOf(random, sample.literals));
    }
    return "INSERT INTO shop.every_type (" + columns + ") VALUES (" + values +
           ") ON CONFLICT DO NOTHING";
  }
  if (Chance(random, 20)) return "DELETE FROM shop.every_type WHERE id = " + Id(random);
  std::string sets = Chance(random, 10) ? "id = id + 1000" : "id = id";
  for (int64_t i = Pick(random, 1, 8); i > 0; --i) {
    const TypeSample& sample = OneOf(random, samples);
    const std::string column = postgres::QuoteIdentifier(sample.column);
    if (sets.find(", " + column + " =") != std::string::npos) continue;
    sets += ", " + column + " = " + (Chance(random, 10) ? "NULL" : OneOf(random, sample.literals));
  }
  return "UPDATE shop.every_type SET " + sets + " WHERE id IN (" + Id(random) + ", " + Id(random) +
         ")";
}

std::string OwnTypes(Random& random) {
  switch (Pick(random, 1, 4)) {
    case 1:
      return "INSERT INTO shop.own_types (m, ms, d, c, p, n, r, mr, ps, ds) VALUES ('so, so', "
             "'{\"Qu\\\"o''te\",NULL,\"{}\"}', " +
             Id(random) +
             ", DEFAULT, ROW(1, 'a \"b\", c'), ROW(ROW(NULL, '')::shop.pair, '{höh}')::shop.nest, "
             "'[-0.1,Infinity)', '{[1,2),[3,NaN]}', ARRAY[ROW(1, NULL)::shop.pair, NULL], '{1,2}')";
    case 2:
      return "INSERT INTO shop.own_types (id, c) VALUES (DEFAULT, 'y') ON CONFLICT DO NOTHING";
    case 3:
      return "UPDATE shop.own_types SET m = 'Qu\"o''te', p = ROW(" + Id(random) + ", " +
             Word(random) +
             ")::shop.pair, r = 'empty' WHERE id % 7 = " + std::to_string(Pick(random, 0, 6));
    default:
      return "DELETE FROM shop.own_types WHERE id % 11 = " + std::to_string(Pick(random, 0, 10));
  }
}

std::string NoKey(Random& random) {
  static const std::vector<std::string> numbers = {"1.0", "1.00", "'NaN'", "NULL", "0", "-1e3"};
  static const std::vector<std::string> floats = {"0", "'-0'", "'NaN'", "NULL", "0.1"};
  const std::string few = std::to_string(Pick(random, 1, 4));
  const std::string one_of_some =
      " WHERE ctid = (SELECT ctid FROM shop.no_key WHERE a = " + few + " LIMIT 1)";
  switch (Pick(random, 1, 6)) {
    case 1:
    case 2:
    case 3:
      return "INSERT INTO shop.no_key SELECT " + few + ", " + Word(random) + ", " +
             OneOf(random, numbers) + ", " + OneOf(random, floats) + " FROM generate_series(1, " +
             few + ")";
    case 4:
      return "UPDATE shop.no_key SET c = " + OneOf(random, numbers) + one_of_some;
    case 5:
      return "UPDATE shop.no_key SET b = " + Word(random) + " WHERE a = " + few;
    default:
      return "DELETE FROM shop.no_key" + (Chance(random, 80) ? one_of_some : " WHERE a = " + few);
  }
}

std::string ByIndex(Random& random) {
  const std::string key = "x = " + Id(random) + " AND y = 'y" + Id(random) + "'";
  switch (Pick(random, 1, 4)) {
    case 1:
    case 2:
      return "INSERT INTO shop.by_index VALUES (" + Word(random) + ", 'y" + Id(random) + "', " +
             Id(random) + ", " + Id(random) + ") ON CONFLICT DO NOTHING";
    case 3:
      return "UPDATE shop.by_index SET x = x + " + Id(random) + ", v = " + Word(random) +
             " WHERE x = " + Id(random);
    default:
      return "DELETE FROM shop.by_index WHERE " + key;
  }
}

std::string Generated(Random& random) {
  switch (Pick(random, 1, 3)) {
    case 1:
      return "INSERT INTO shop.generated (a, b) VALUES (" + Id(random) + ", " + Word(random) + ")";
    case 2:
      return "UPDATE shop.generated SET a = a + 1, last = " + Word(random) +
             " WHERE a = " + Id(random);
    default:
      return "DELETE FROM shop.generated WHERE a = " + Id(random);
  }
}

std::string Partitioned(Random& random) {
  static const std::vector<std::string> days = {"'2019-12-31'",   "'2020-01-01'", "'2020-12-31'",
                                                "'2021-01-01'",   "'-infinity'",  "'infinity'",
                                                "'0044-03-15 BC'"};
  const std::string k = std::to_string(Pick(random, 1, 8));
  switch (Pick(random, 1, 4)) {
    case 1:
    case 2:
      return "INSERT INTO shop.part VALUES (" + k + ", " + OneOf(random, days) + ", " +
             Word(random) + ") ON CONFLICT DO NOTHING";
    case 3:  // may move the row to another partition
      return "UPDATE shop.part SET at = " + OneOf(random, days) + ", v = " + Word(random) +
             " WHERE k = " + k + " AND at = " + OneOf(random, days);
    default:
      return "DELETE FROM shop.part WHERE k = " + k + " AND at = " + OneOf(random, days);
  }
}

std::string Composite(Random& random) {
  const std::string b = std::to_string(Pick(random, 1, 5));
  switch (Pick(random, 1, 5)) {
    case 1:
    case 2:
      return "INSERT INTO shop.composite VALUES (" + Word(random) + ", 'c" + b + "', " + b +
             ", 9000000000 + " + Id(random) + ") ON CONFLICT DO NOTHING";
    case 3:  // rows take each other's keys within one transaction
      return "UPDATE shop.composite SET a = -a WHERE b = " + b +
             "; UPDATE shop.composite SET a = 9000000000 + 9000000040 + a + " + b +
             " WHERE a < 0 AND b = " + b;
    case 4:
      return "UPDATE shop.composite SET c = 'c' || b, note = " + Word(random) + " WHERE b = " + b;
    default:
      return "DELETE FROM shop.composite WHERE a = 9000000000 + " + Id(random);
  }
}

std::string Related(Random& random) {
  switch (Pick(random, 1, 7)) {
    case 1:
      return "INSERT INTO shop.parent VALUES (" + Id(random) + ", 'p" + Id(random) +
             "') ON CONFLICT DO NOTHING";
    case 2:
    case 3:
      return "INSERT INTO shop.child (v, parent_id) SELECT " + Word(random) +
             ", id FROM shop.parent WHERE id <= " + Id(random);
    case 4:
      return "INSERT INTO shop.grandchild SELECT id, " + Id(random) +
             " FROM shop.child WHERE parent_id = " + Id(random) + " ON CONFLICT DO NOTHING";
    case 5:
      return "UPDATE shop.parent SET id = id + " + std::to_string(kIds) +
             " WHERE id = " + Id(random);
    case 6:
      return "INSERT INTO shop.hen VALUES (" + Id(random) +
             ", NULL) ON CONFLICT DO NOTHING; "
             "INSERT INTO shop.egg SELECT id, id FROM shop.hen ON CONFLICT DO NOTHING; "
             "UPDATE shop.hen SET egg = id WHERE egg IS NULL";
    default:
      return "DELETE FROM shop.parent WHERE id = " + Id(random);
  }
}

std::string Truncates(Random& random) {
  static const std::vector<std::string> statements = {
      "TRUNCATE shop.parent CASCADE",
      "TRUNCATE shop.child RESTART IDENTITY CASCADE",
      "TRUNCATE shop.hen, shop.egg",
      "TRUNCATE shop.no_key",
      "TRUNCATE shop.part",
      "TRUNCATE ONLY shop.part_old",
      "TRUNCATE shop.document_full, shop.insert_only",
      "TRUNCATE shop.generated RESTART IDENTITY"};
  return OneOf(random, statements);
}

std::string Documents(Random& random) {
  switch (Pick(random, 1, 8)) {
    case 1:
    case 2:
      return "INSERT INTO shop.document VALUES (" + Id(random) + ", 0, " +
             Noise(random, NoiseKib(random)) + ", decode(" + Noise(random, 4) +
             ", 'hex'), '{\"k\": [1, 2]}') ON CONFLICT (id) DO UPDATE SET body = excluded.body";
    case 3:
    case 4:  // leaves the large values alone
      return "UPDATE shop.document SET n = n + 1 WHERE id <= " + Id(random);
    case 5:  // a new key for a row whose large values do not travel with it
      return "UPDATE shop.document SET id = id + 100, n = -1 WHERE id = " + Id(random);
    case 6:
      return "INSERT INTO shop.document_full VALUES (" + Id(random) + ", 0, " +
             Noise(random, Pick(random, 3, 20)) + ")";
    case 7:
      return "UPDATE shop.document_full SET n = n + 1 WHERE id <= " + Id(random);
    default:
      return "DELETE FROM shop.document" + std::string(Chance(random, 50) ? "_full" : "") +
             " WHERE id = " + Id(random);
  }
}

std::string OddNames(Random& random) {
  static const std::vector<std::string> tables = {R"("a.b".c)", R"(a."b.c")", R"(shop."no_key ")",
                                                  "shop.keyed_full"};
  const std::string& table = OneOf(random, tables);
  switch (Pick(random, 1, 7)) {
    case 1:
      return R"(INSERT INTO "We ird.Schéma%"."Tab.le ""q"" %1" VALUES ()" + Id(random) + ", " +
             Word(random) + ", " + Word(random) + ", " + Word(random) + ") ON CONFLICT DO NOTHING";
    case 2:
      return R"(UPDATE "We ird.Schéma%"."Tab.le ""q"" %1" SET "ü,x" = )" + Word(random) +
             R"(, "q""q" = "a b" WHERE "Select" <= )" + Id(random);
    case 3:
      return R"(INSERT INTO "We ird.Schéma%"."新しい/表" VALUES ('キー)" + Id(random) + "', " +
             Word(random) + ") ON CONFLICT (\"キー\") DO UPDATE SET v = excluded.v || 'é'";
    case 4:
      return "UPDATE " + table + " SET v = " + Word(random) +
             ", id = id + 1 WHERE id = " + Id(random);
    case 5:
      return "DELETE FROM " + table + " WHERE id = " + Id(random);
    case 6:
      return "INSERT INTO shop.wide_line VALUES (coalesce(" + Word(random) +
             ", 'none')) ON CONFLICT DO NOTHING";
    default:
      return "INSERT INTO " + table + " VALUES (" + Id(random) + ", " + Word(random) +
             ") ON CONFLICT DO NOTHING";
  }
}

std::string Others(Random& random) {
  switch (Pick(random, 1, 5)) {
    case 1:
      return "INSERT INTO shop.insert_only SELECT g, " + Word(random) +
             " FROM generate_series(1, 3) g";
    case 2:
      return "INSERT INTO shop.booking SELECT g, int4range(g * 10, g * 10 + 5) FROM "
             "generate_series(1, " +
             Id(random) + ") g ON CONFLICT DO NOTHING";
    case 3:
      return "INSERT INTO shop.unlogged VALUES (1)";
    case 4:
      return "INSERT INTO shop.evolving (id) VALUES (" + Id(random) + ") ON CONFLICT DO NOTHING";
    default:
      return "DELETE FROM shop.evolving WHERE id = " + Id(random);
  }
}

}  // namespace

void CreateLoadSchema(const std::string& conninfo) {
  Session session(conninfo);
  session.Do("SET search_path = pg_catalog");
  session.Do(ReadFile(SourceFile("tests/integration/load_schema.sql")));
  session.Do(CreateEveryType("shop.every_type"));
}

std::string RandomStatement(Random& random, const LoadOptions& options) {
  using Maker = std::string (*)(Random&);
  static const std::vector<Maker> makers = {EveryType, OwnTypes,    NoKey,     ByIndex,
                                            Generated, Partitioned, Composite, Related,
                                            Documents, OddNames,    Others};
  if (options.truncate && Chance(random, 1)) return Truncates(random);
  if (options.logical_messages && Chance(random, 2)) {
    return std::string("SELECT pg_logical_emit_message(") +
           (Chance(random, 70) ? "true" : "false") + ", 'test', 'a message of no meaning')";
  }
  return OneOf(random, makers)(random);
}

void InstallDdlCapture(const std::string& conninfo) {
  Session session(conninfo);
  session.Do(ReadFile(SourceFile("sql/definition.sql")));
  session.Do(ReadFile(SourceFile("sql/ddl_capture.sql")));
  session.Do("SELECT trunkline.capture('trunkline')");
}

Writer::Writer(const std::string& conninfo, uint64_t seed, LoadOptions options)
    : session_(conninfo), random_(seed), options_(options) {
  session_.Do("SET search_path = pg_catalog");
  session_.Do("SET lock_timeout = '300ms'");
  session_.Do("SET deadlock_timeout = '50ms'");
}

std::string Writer::Transaction() {
  std::string sql = "BEGIN; ";
  int savepoints = 0;
  for (int64_t i = Pick(random_, 1, 6); i > 0; --i) {
    if (Chance(random_, 25)) {
      sql += "SAVEPOINT s; ";
      ++savepoints;
    }
    sql += RandomStatement(random_, options_) + "; ";
    if (savepoints > 0 && Chance(random_, 40)) {
      sql += Chance(random_, 70) ? "ROLLBACK TO SAVEPOINT s; " : "";
      sql += "RELEASE SAVEPOINT s; ";
      --savepoints;
    }
  }
  if (Chance(random_, 7)) return sql + "ROLLBACK";
  if (!options_.two_phase || !Chance(random_, 7)) return sql + "COMMIT";
  prepared_ = "'gid-" + std::to_string(random_()) + "'";
  return sql + "PREPARE TRANSACTION " + prepared_;
}

bool Writer::Step() {
  prepared_.clear();
  if (!session_.Try(Transaction())) return false;
  if (!prepared_.empty()) {
    session_.Do((Chance(random_, 75) ? "COMMIT PREPARED " : "ROLLBACK PREPARED ") + prepared_);
  }
  return true;
}

ConcurrentLoad::ConcurrentLoad(const std::string& conninfo, int writers, uint64_t seed,
                               LoadOptions options) {
  for (int i = 0; i < writers; ++i) {
    threads_.emplace_back([this, conninfo, options, writer_seed = seed * 1000 + i] {
      Writer writer(conninfo, static_cast<uint64_t>(writer_seed), options);
      while (!stop_) committed_ += writer.Step() ? 1 : 0;
    });
  }
}

void ConcurrentLoad::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace trunkline::test
