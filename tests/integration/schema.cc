#include "tests/integration/schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "tests/support/program.h"

namespace trunkline::test {
namespace {

// Of the tables, types and sequences outside of Postgres's schemas and ours.
constexpr char kCataloged[] = R"(
WITH own AS (
  SELECT oid, nspname FROM pg_catalog.pg_namespace
  WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'trunkline')),
tables AS (
  SELECT c.*, format('%I.%I', nspname, relname) AS name
  FROM pg_catalog.pg_class c JOIN own ON own.oid = c.relnamespace
  WHERE relkind IN ('r', 'p') AND (nspname, relname) <> ('shop', 'unlogged')),
attributes AS (
  SELECT a.*, format('%s %I: %s collation %s', row_number() OVER (PARTITION BY attrelid ORDER BY attnum),
                     attname, pg_catalog.format_type(atttypid, atttypmod), attcollation) AS text
  FROM pg_catalog.pg_attribute a WHERE attnum > 0 AND NOT attisdropped),
types AS (
  SELECT t.*, format('%s %I.%I', typtype, nspname, typname) AS name
  FROM pg_catalog.pg_type t JOIN own ON own.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_class c ON c.oid = typrelid
  WHERE typtype IN ('e', 'd', 'r', 'm') OR c.relkind = 'c')
SELECT 'schema ' || nspname FROM own
UNION ALL SELECT format('extension %s in %s', extname, extnamespace::pg_catalog.regnamespace)
  FROM pg_catalog.pg_extension
UNION ALL SELECT format('type %s over %s not null %s default %s collation %s', name,
                        pg_catalog.format_type(typbasetype, typtypmod), typnotnull, typdefault, typcollation)
  FROM types
UNION ALL SELECT format('%s has the labels %s', name, array_agg(enumlabel ORDER BY enumsortorder))
  FROM types JOIN pg_catalog.pg_enum ON enumtypid = types.oid GROUP BY name
UNION ALL SELECT format('%s has %s', name, text) FROM types JOIN attributes ON attrelid = typrelid
UNION ALL SELECT format('%s ranges over %s, %s', name, rngsubtype::pg_catalog.regtype,
                        rngmultitypid::pg_catalog.regtype)
  FROM types JOIN pg_catalog.pg_range ON rngtypid = types.oid
UNION ALL SELECT format('%s: %s %s', name, conname, pg_catalog.pg_get_constraintdef(c.oid))
  FROM types JOIN pg_catalog.pg_constraint c ON contypid = types.oid
UNION ALL SELECT format('table %s %s %s partitioned by %s', name, relkind, relpersistence,
                        pg_catalog.pg_get_partkeydef(oid)) FROM tables
UNION ALL SELECT format('%s is of %s %s', name, inhparent::pg_catalog.regclass,
                        pg_catalog.pg_get_expr(relpartbound, oid))
  FROM tables JOIN pg_catalog.pg_inherits ON inhrelid = oid
UNION ALL SELECT format('%s has %s not null %s identity %s generated %s by %s', name, text, attnotnull,
                        attidentity, attgenerated, pg_catalog.pg_get_expr(adbin, adrelid))
  FROM tables JOIN attributes ON attrelid = tables.oid
  LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL SELECT format('%s: %s %s inherited %s', name, conname, pg_catalog.pg_get_constraintdef(c.oid),
                        coninhcount)
  FROM tables JOIN pg_catalog.pg_constraint c ON conrelid = tables.oid
  WHERE contype <> 't'
UNION ALL SELECT format('%s clustered %s', pg_catalog.pg_get_indexdef(indexrelid), indisclustered)
  FROM tables JOIN pg_catalog.pg_index ON indrelid = tables.oid
UNION ALL SELECT format('sequence %s %s of %s.%s', seqrelid::pg_catalog.regclass,
                        pg_catalog.to_jsonb(s) - 'seqrelid' - 'seqtypid', name, attname)
  FROM pg_catalog.pg_sequence s
  JOIN pg_catalog.pg_depend ON objid = seqrelid AND deptype IN ('a', 'i')
  JOIN tables ON tables.oid = refobjid
  JOIN pg_catalog.pg_attribute ON attrelid = refobjid AND attnum = refobjsubid)";

std::vector<std::string> Cataloged(const Source& source, const std::string& database) {
  std::vector<std::string> statements;
  for (auto& row : source.Connect(database).Table(kCataloged)) {
    statements.push_back(std::move(row[0]));
  }
  return statements;
}

std::vector<std::string> Dumped(const Source& source, const std::string& database) {
  const Outcome dump =
      RunProgram({source.tool("pg_dump"), "--schema-only", "--no-owner", "--no-privileges",
                  "--no-publications", "--exclude-table=shop.unlogged",
                  "--exclude-schema=trunkline", source.conninfo(database)});
  if (dump.exit_code != 0) throw std::runtime_error(dump.err);
  std::vector<std::string> statements;
  std::string statement;
  std::istringstream lines(dump.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with("--") || line.starts_with("SET ") ||
        line.starts_with("SELECT pg_catalog.set_config") || line.starts_with("\\")) {
      continue;
    }
    statement += line + "\n";
    if (!line.ends_with(";")) continue;
    // How a value is stored, and what a subscriber would be told, is no part of a state.
    if (statement.find(" SET STORAGE ") == std::string::npos &&
        statement.find(" REPLICA IDENTITY ") == std::string::npos &&
        statement.find("EVENT TRIGGER ") == std::string::npos) {
      statements.push_back(statement);
    }
    statement.clear();
  }
  return statements;
}

}  // namespace

std::vector<std::string> SchemaStatements(const Source& source, const std::string& database) {
  const bool can_dump = MajorOf(source.tool("pg_dump")) >= source.major();
  std::vector<std::string> statements =
      can_dump ? Dumped(source, database) : Cataloged(source, database);
  std::sort(statements.begin(), statements.end());
  return statements;
}

void ExpectSameSchema(const std::vector<std::string>& want, const std::vector<std::string>& have) {
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  std::set_difference(want.begin(), want.end(), have.begin(), have.end(),
                      std::back_inserter(missing));
  std::set_difference(have.begin(), have.end(), want.begin(), want.end(),
                      std::back_inserter(extra));
  for (const std::string& statement : missing) ADD_FAILURE() << "not rebuilt: " << statement;
  for (const std::string& statement : extra) ADD_FAILURE() << "not in the source: " << statement;
}

}  // namespace trunkline::test
