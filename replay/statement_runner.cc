#include "replay/statement_runner.h"

#include "replay/parallel.h"

namespace trunkline {
namespace {

bool IsLost(const postgres::Connection& connection) {
  return PQstatus(connection.get()) == CONNECTION_BAD;
}

bool IsOptional(const Statement& statement) {
  return statement.may_exist || !statement.lacking.empty() || !statement.instead.empty();
}

}  // namespace

Result<void> StatementRunner::Try(postgres::Connection* connection,
                                  const Statement& statement) const {
  if (!in_transaction_ || !IsOptional(statement)) {
    TRY(connection->Exec(statement.sql));
    return {};
  }
  TRY(connection->Exec("SAVEPOINT trunkline"));
  auto done = connection->Exec(statement.sql);
  if (!done && !IsLost(*connection)) TRY(connection->Exec("ROLLBACK TO SAVEPOINT trunkline"));
  if (!IsLost(*connection)) TRY(connection->Exec("RELEASE SAVEPOINT trunkline"));
  TRY(done);
  return {};
}

Result<void> StatementRunner::Run(postgres::Connection* connection, const Statement& statement) {
  Result<void> done = Try(connection, statement);
  if (done) return {};
  if (IsLost(*connection) || !IsOptional(statement)) return done;
  if (statement.may_exist && done.error().kind == ErrorKind::kAlreadyExists) return {};
  TRY(RunAll(connection, statement.instead));
  if (!statement.lacking.empty()) {
    const std::lock_guard lock(mutex_);
    lacking_.push_back(statement.lacking + ": " + done.error().ToString());
    return {};
  }
  return statement.instead.empty() ? done : Result<void>();
}

Result<void> StatementRunner::RunAll(postgres::Connection* connection,
                                     std::span<const Statement> statements) {
  for (const Statement& statement : statements) TRY(Run(connection, statement));
  return {};
}

Result<void> StatementRunner::RunStage(std::span<postgres::Connection> connections,
                                       const Stage& stage) {
  if (!stage.parallel) return RunAll(&connections[0], stage.statements);
  return InParallel(connections.size(), stage.statements.size(), [&](size_t worker, size_t item) {
    return Run(&connections[worker], stage.statements[item]);
  });
}

std::vector<std::string> StatementRunner::TakeLacking() {
  const std::lock_guard lock(mutex_);
  return std::move(lacking_);
}

}  // namespace trunkline
