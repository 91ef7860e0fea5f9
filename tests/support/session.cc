#include "tests/support/session.h"

#include "tests/support/must.h"
#include "tests/support/program.h"

namespace trunkline::test {

Session::Session(const std::string& conninfo, postgres::Mode mode)
    : connection_(Must(postgres::Connection::Open(conninfo, mode, "trunkline-test"))) {}

void Session::Do(const std::string& sql) {
  if (auto rows = connection_.Exec(sql); !rows) {
    throw std::runtime_error(rows.error().ToString() + "\nin: " + sql.substr(0, 2000));
  }
}

bool Session::Try(const std::string& sql) {
  if (connection_.Exec(sql)) return true;
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) Do("ROLLBACK");
  return false;
}

std::string Session::One(const std::string& sql) {
  const postgres::Rows rows = Must(connection_.Exec(sql));
  if (rows.size() != 1) throw std::runtime_error("not one row: " + sql);
  return std::string(rows.at(0, 0));
}

std::vector<std::vector<std::string>> Session::Table(const std::string& sql) {
  const postgres::Rows rows = Must(connection_.Exec(sql));
  std::vector<std::vector<std::string>> table(static_cast<size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    for (int column = 0; column < PQnfields(rows.get()); ++column) {
      table[static_cast<size_t>(row)].emplace_back(rows.at(row, column));
    }
  }
  return table;
}

std::string Session::CopyOut(const std::string& sql) {
  std::string content;
  Must(connection_.CopyOut(sql, [&](std::string_view line) {
    content += line;
    return Result<void>();
  }));
  return content;
}

Lsn Session::CurrentLsn() {
  const std::string inserted = One("SELECT pg_catalog.pg_current_wal_insert_lsn()");
  // The WAL writer flushes asynchronous commits within some tenths of a second. Between two pages
  // the flushed position never quite reaches the inserted one.
  Eventually(seconds(2), [&] {
    return One("SELECT pg_catalog.pg_current_wal_flush_lsn() >= " +
               postgres::QuoteLiteral(inserted)) == "t";
  });
  return Must(Lsn::Parse(One("SELECT pg_catalog.pg_current_wal_flush_lsn()")));
}

}  // namespace trunkline::test
