// Compares with what psql prints, and COPY writes, of the same query.
#include "replay/query_output.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

#include "postgres/server.h"
#include "tests/unit/replay/live_state.h"

namespace trunkline::test {
namespace {

std::string Output(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), got);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

std::string ShellQuote(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

class QueryPrinterTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = Must(postgres::Server::Start({})).release(); }
  static void TearDownTestSuite() { delete server_; }

  static std::string Psql(const std::string& options) {
    return Output("PGCLIENTENCODING=UTF8 PGTZ=UTC " + server_->bin_directory() + "/psql -X " +
                  ShellQuote(server_->conninfo("postgres")) + " " + options);
  }
  // The result of `sql`, which comes row by row.
  static std::string Printed(const std::string& sql, ResultPrinter* printer) {
    auto connection = Must(
        postgres::Connection::Open(server_->conninfo("postgres"), postgres::Mode::kNormal, "test"));
    EXPECT_EQ(PQsendQuery(connection.get(), sql.c_str()), 1);
    EXPECT_EQ(PQsetSingleRowMode(connection.get()), 1);
    std::string text;
    while (PGresult* part = PQgetResult(connection.get())) {
      const postgres::Rows owner(part);
      printer->Add(part, &text);
      if (PQresultStatus(part) == PGRES_TUPLES_OK) printer->End(&text);
    }
    return text;
  }

  static postgres::Server* server_;
};

postgres::Server* QueryPrinterTest::server_ = nullptr;

class QueryOutputTest : public QueryPrinterTest,
                        public ::testing::WithParamInterface<const char*> {};

TEST_P(QueryOutputTest, TableIsAsPsqlPrintsIt) {
  EXPECT_EQ(Printed(GetParam(), NewTablePrinter().get()), Psql("-c " + ShellQuote(GetParam())));
}

TEST_P(QueryOutputTest, CsvIsAsCopyWritesIt) {
  const std::string copy = std::string("COPY (") + GetParam() + ") TO STDOUT (FORMAT csv, HEADER)";
  EXPECT_EQ(Printed(GetParam(), NewCsvPrinter().get()), Psql("-c " + ShellQuote(copy)));
}

TEST_F(QueryPrinterTest, ALargeTableGrowsWiderOnTheWay) {
  const auto printer = NewTablePrinter(/*memory_bytes=*/1);
  const std::string sql =
      "SELECT 'a' AS c, 1 AS n UNION ALL SELECT 'bcd', 2 UNION ALL SELECT '', 3";
  EXPECT_EQ(Printed(sql, printer.get()),
            " c | n \n---+---\n a | 1\n bcd | 2\n     | 3\n(3 rows)\n\n");
  EXPECT_EQ(Printed("SELECT 5 AS n", printer.get()), " n \n---\n 5\n(1 row)\n\n");
}

INSTANTIATE_TEST_SUITE_P(
    Queries, QueryOutputTest,
    ::testing::Values(
        "SELECT 1 AS id, 'Rebecca' AS name, 2.50 AS price, true AS shipped",
        "SELECT i AS n, repeat('x', i) AS \"a longer name\" FROM generate_series(8, 12) i",
        "SELECT 1 AS a WHERE false",
        "SELECT 'only' AS x UNION ALL SELECT NULL UNION ALL SELECT '' UNION ALL SELECT '\\.'",
        "SELECT NULL::int AS a, '' AS b, 'a,b' AS c, 'say \"hi\"' AS d",
        "SELECT E'two\\nlines' AS a, 1 AS b, E'and\\nthree\\nmore' AS c",
        "SELECT 1 AS b, E'last\\ncolumn' AS c UNION ALL SELECT 2, 'plain'",
        "SELECT 'größe' AS \"ümlaut\", '大きい' AS wide, 3 AS n",
        "SELECT E'tab\\there' AS a, E'return\\rhere' AS b, E'escape\\x1b[31m' AS c, 'd' AS d",
        "SELECT '2016-11-30 17:29:00+00'::timestamptz AS at, 'rhino'::name AS species",
        "SELECT 12.34::money AS m, 1::oid AS o, '1'::xid AS x, 1.5::float8 AS f, 3::int8 AS i"));

}  // namespace
}  // namespace trunkline::test
