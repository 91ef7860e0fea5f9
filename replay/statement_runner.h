// StatementRunner: runs the statements of a rebuild's plan and keeps account of what fails.
#pragma once

#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "postgres/connection.h"
#include "replay/ddl.h"

namespace trunkline {

class StatementRunner {
 public:
  // `in_transaction`: each statement that may fail is then guarded by a savepoint.
  explicit StatementRunner(bool in_transaction) : in_transaction_(in_transaction) {}

  // Any number of threads may call, each with a connection of its own.
  Result<void> Run(postgres::Connection* connection, const Statement& statement);
  Result<void> RunAll(postgres::Connection* connection, std::span<const Statement> statements);
  // Spreads a stage over the connections if it allows; the first error stops all.
  Result<void> RunStage(std::span<postgres::Connection> connections, const Stage& stage);

  // "index i of public.t: why", in the order they failed.
  std::vector<std::string> TakeLacking();

 private:
  Result<void> Try(postgres::Connection* connection, const Statement& statement) const;

  const bool in_transaction_;
  std::mutex mutex_;
  std::vector<std::string> lacking_;
};

}  // namespace trunkline
