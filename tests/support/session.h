// Session: a connection on which a test's SQL simply works, or the test ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/lsn.h"
#include "postgres/connection.h"

namespace trunkline::test {

class Session {
 public:
  explicit Session(const std::string& conninfo, postgres::Mode mode = postgres::Mode::kNormal);

  // Values print as PinnedOptions() says and search_path is empty: qualify names.
  void Do(const std::string& sql);
  // Runs commands that a concurrent load may make fail; false then, and rolled back.
  bool Try(const std::string& sql);
  // The one value of a query's one row; "" for NULL.
  std::string One(const std::string& sql);
  std::vector<std::vector<std::string>> Table(const std::string& sql);
  // The bytes of COPY ... TO STDOUT.
  std::string CopyOut(const std::string& sql);

  Lsn CurrentLsn();  // pg_current_wal_insert_lsn, with everything before it flushed

 private:
  postgres::Connection connection_;
};

}  // namespace trunkline::test
