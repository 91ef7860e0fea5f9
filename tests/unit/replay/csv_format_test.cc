// CSV is compared with what a real server's COPY writes.
#include "replay/csv_format.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "postgres/server.h"
#include "tests/unit/replay/csv_row.h"
#include "tests/unit/replay/live_state.h"

namespace trunkline::test {
namespace {

class CsvFormatTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = Must(postgres::Server::Start({})); }
  static void TearDownTestSuite() { server_.reset(); }

  // Both sides' words for `query`, which yields text columns.
  static void ExpectAsCopy(const std::string& query) {
    auto connection = Must(
        postgres::Connection::Open(server_->conninfo("postgres"), postgres::Mode::kNormal, "test"));
    std::string copied;
    Must(connection.CopyOut("COPY (" + query + ") TO STDOUT WITH (FORMAT csv, HEADER)",
                            [&](std::string_view line) -> Result<void> {
                              copied += line;
                              return {};
                            }));
    const postgres::Rows rows = Must(connection.Exec(query));
    Relation relation;
    for (int i = 0; i < PQnfields(rows.get()); ++i) {
      relation.columns.emplace_back().name = PQfname(rows.get(), i);
    }
    std::string written = CsvHeader(relation);
    for (int row = 0; row < rows.size(); ++row) {
      std::vector<Value> values;
      for (int i = 0; i < PQnfields(rows.get()); ++i) {
        values.push_back(rows.is_null(row, i) ? Value{}
                                              : Value{ValueState::kText, rows.at(row, i)});
      }
      written += CsvRow(values);
    }
    EXPECT_EQ(written, copied) << query;
  }

  static std::unique_ptr<postgres::Server> server_;
};
std::unique_ptr<postgres::Server> CsvFormatTest::server_;

const char* const kAwkward =
    "(VALUES ('plain'), (''), (NULL), (' '), ('a,b'), ('\"'), ('a\"b\"'), (E'a\\nb'), (E'a\\rb'), "
    "(E'a\\r\\nb'), ('\\.'), ('\\.x'), ('x\\.'), (E'\\\\.\\n'), ('\\N'), ('NULL'), (E'\\t'), "
    "('é,ü'), ('新しい'), (E'\\b'), ('''')) AS v(one)";

TEST_F(CsvFormatTest, AColumnOnItsOwn) { ExpectAsCopy("SELECT one FROM " + std::string(kAwkward)); }

TEST_F(CsvFormatTest, TwoColumns) {
  ExpectAsCopy("SELECT one, one AS \"second, \"\"one\"\"\" FROM " + std::string(kAwkward));
}

TEST_F(CsvFormatTest, LongValuesBetweenShortOnes) {
  ExpectAsCopy(
      "SELECT 'a' AS a, repeat('b', g) AS b, 'c,' AS c, repeat('\"', g) AS d, NULL::text AS e, "
      "repeat(',é', g * g) AS f, (g * 1234567)::text AS g, '-0.0' || g AS h "
      "FROM generate_series(1, 140, 3) g");
}

TEST_F(CsvFormatTest, NamesThatNeedQuotes) {
  ExpectAsCopy("SELECT 1::text AS \"\\.\"");
  ExpectAsCopy(
      "SELECT 1::text AS \"\\.\", 2::text AS \"a\"\"b\", 3::text AS \"c,d\", 4::text AS \" \"");
}

TEST_F(CsvFormatTest, NoColumnsAndNoRows) {
  ExpectAsCopy("SELECT FROM generate_series(1, 3)");
  ExpectAsCopy("SELECT 1::text AS a WHERE false");
}

}  // namespace
}  // namespace trunkline::test
