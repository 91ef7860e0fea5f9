#include "postgres/copy_writer.h"

#include <algorithm>

namespace trunkline::postgres {
namespace {

constexpr char kWhat[] = "COPY failed";

}  // namespace

CopyWriter::~CopyWriter() {
  if (!open_) return;
  PQputCopyEnd(connection_->get(), "the sender gave up");
  while (PGresult* result = PQgetResult(connection_->get())) PQclear(result);
}

Result<void> CopyWriter::Start(const std::string& sql) {
  const Rows started(PQexec(connection_->get(), sql.c_str()));
  if (PQresultStatus(started.get()) != PGRES_COPY_IN) {
    if (PQstatus(connection_->get()) == CONNECTION_BAD) {
      return Fail(ConnectionError(connection_->get(), kWhat));
    }
    return Fail(ResultError(started.get(), kWhat));
  }
  open_ = true;
  return {};
}

Result<void> CopyWriter::Flush() {
  // libpq counts in int, and a single row may be larger than half of what that holds.
  constexpr size_t kPiece = 1 << 28;
  for (size_t sent = 0; sent < buffer_.size(); sent += kPiece) {
    const size_t size = std::min(kPiece, buffer_.size() - sent);
    if (PQputCopyData(connection_->get(), buffer_.data() + sent, static_cast<int>(size)) == 1) {
      continue;
    }
    open_ = false;
    TRY(TakeResult());  // the server may have said why it stopped reading
    return Fail(ConnectionError(connection_->get(), kWhat));
  }
  buffer_.clear();
  return {};
}

Result<void> CopyWriter::Finish() {
  TRY(Flush());
  open_ = false;
  if (PQputCopyEnd(connection_->get(), nullptr) != 1) {
    return Fail(ConnectionError(connection_->get(), kWhat));
  }
  return TakeResult();
}

Result<void> CopyWriter::TakeResult() {
  Result<void> outcome;
  while (PGresult* raw = PQgetResult(connection_->get())) {
    const Rows result(raw);
    if (PQresultStatus(raw) == PGRES_FATAL_ERROR && outcome)
      outcome = Fail(ResultError(raw, kWhat));
    if (PQresultStatus(raw) == PGRES_COPY_IN) break;
  }
  return outcome;
}

}  // namespace trunkline::postgres
