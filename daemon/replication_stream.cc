#include "daemon/replication_stream.h"

#include <utility>

#include "daemon/source.h"

namespace trunkline {

using postgres::Connection;
using postgres::QuoteIdentifier;
using postgres::QuoteLiteral;
using postgres::Rows;

std::string StartReplicationCommand(const StreamOptions& options, uint32_t server_version) {
  return "START_REPLICATION SLOT " + QuoteIdentifier(options.slot) + " LOGICAL " +
         options.start.ToString() + " (proto_version '" +
         std::to_string(ProtocolVersion(server_version)) + "', publication_names " +
         QuoteLiteral(QuoteIdentifier(options.publication)) +
         ", messages 'true', streaming 'on', binary 'false')";
}

namespace {

Error ServerError(const PGresult* result, std::string_view what) {
  Error error = postgres::ResultError(result, what);
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  // undefined_file: "requested WAL segment ... has already been removed"
  if (state != nullptr && std::string_view(state) == "58P01") {
    error.kind = ErrorKind::kGap;
    error.message = "the replication slot had lost its WAL: " + error.message;
  }
  return error;
}

// What cannot be decoded, whatever is published now.
Error WithoutPublication(Error error) {
  error.kind = ErrorKind::kGap;
  error.message = "changes were made while their publication did not exist: " + error.message;
  return error;
}

// Whether `result` bears `code` and names the publication, in whatever language.
bool IsOfPublication(const PGresult* result, std::string_view code,
                     const std::string& publication) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return state != nullptr && state == code && message != nullptr &&
         std::string_view(message).find(publication) != std::string_view::npos;
}

// Of a stream that has begun. undefined_object: "publication ... does not exist", as of the change
// being decoded.
Error StreamError(const PGresult* result, const std::string& publication) {
  Error error = ServerError(result, "the source ended the replication stream");
  if (!IsOfPublication(result, "42704", publication)) return error;
  return WithoutPublication(std::move(error));
}

// The slot was looked at a moment before. If it is gone or of no use any more (42704, 55000), it is
// to be looked at again.
Error StartError(const PGresult* result) {
  Error error = ServerError(result, "cannot start replication");
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state == nullptr) return error;
  const std::string_view code = state;
  if (code == "42704" || code == "55000") error.kind = ErrorKind::kUnavailable;
  return error;
}

}  // namespace

ReplicationStream::ReplicationStream(Connection connection, std::string publication)
    : notices_(std::make_unique<Notices>(Notices{std::move(publication), {}})),
      connection_(std::move(connection)) {
  PQsetNoticeReceiver(connection_.get(), TakeNotice, notices_.get());
}

// From Postgres 18 on, changes made while the publication did not exist are skipped with a warning.
void ReplicationStream::TakeNotice(void* argument, const PGresult* notice) {
  auto* notices = static_cast<Notices*>(argument);
  if (!IsOfPublication(notice, "55000", notices->publication)) return;
  notices->failure = WithoutPublication(
      postgres::ResultError(notice, "the source warned in the replication stream"));
}

Result<ReplicationStream> ReplicationStream::Start(Connection connection,
                                                   const StreamOptions& options) {
  PGconn* raw = connection.get();
  const std::string command =
      StartReplicationCommand(options, static_cast<uint32_t>(connection.server_version()));
  {
    const Rows started(PQexec(raw, command.c_str()));
    if (PQresultStatus(started.get()) != PGRES_COPY_BOTH) {
      if (PQstatus(raw) == CONNECTION_BAD) {
        return Fail(postgres::ConnectionError(raw, "cannot start replication"));
      }
      return Fail(StartError(started.get()));
    }
  }
  if (PQsetnonblocking(raw, 1) != 0) {
    return Fail(postgres::ConnectionError(raw, "cannot start replication"));
  }
  return ReplicationStream(std::move(connection), options.publication);
}

int ReplicationStream::socket() const { return PQsocket(connection_.get()); }

Result<std::optional<StreamMessage>> ReplicationStream::NextBuffered() {
  char* buffer = nullptr;
  const int length = PQgetCopyData(connection_.get(), &buffer, /*async=*/1);
  buffer_.reset(buffer);
  if (notices_->failure.has_value()) return Fail(*notices_->failure);
  if (length == 0) return std::optional<StreamMessage>();
  if (length < 0) return Fail(EndOfStream());
  ASSIGN_OR_RETURN(const StreamMessage message,
                   ParseStreamMessage({buffer, static_cast<size_t>(length)}));
  return std::optional<StreamMessage>(message);
}

Result<std::optional<StreamMessage>> ReplicationStream::Next() {
  // TLS may keep decrypted bytes back that poll() does not know of: a record of 16 KiB takes two
  // reads of libpq's at most.
  const int reads = PQsslInUse(connection_.get()) != 0 ? 3 : 1;
  for (int i = 0;; ++i) {
    ASSIGN_OR_RETURN(const std::optional<StreamMessage> message, NextBuffered());
    if (message.has_value() || i == reads) return message;
    if (PQconsumeInput(connection_.get()) == 0) {
      return Fail(postgres::ConnectionError(connection_.get(), "the replication stream broke"));
    }
  }
}

Error ReplicationStream::EndOfStream() {
  PGconn* raw = connection_.get();
  while (PGresult* result = PQgetResult(raw)) {
    const Rows rows(result);
    if (PQresultStatus(result) != PGRES_FATAL_ERROR) break;
    if (PQresultErrorField(result, PG_DIAG_SQLSTATE) == nullptr) break;
    return StreamError(result, notices_->publication);
  }
  Error error = postgres::ConnectionError(raw, "the replication stream ended");
  error.kind = ErrorKind::kUnavailable;  // also where the server ended it in good order
  return error;
}

Result<void> ReplicationStream::SendStatus(const StandbyStatus& status, bool request_reply) {
  const auto message = StatusMessage(status, Timestamp::Now(), request_reply);
  const int sent = PQputCopyData(connection_.get(), message.data(), kStatusBytes);
  if (sent < 0) {
    return Fail(postgres::ConnectionError(connection_.get(), "the replication stream broke"));
  }
  return Flush();  // sent == 0: the buffer is full, and an older status is still on its way
}

Result<void> ReplicationStream::Flush() {
  const int left = PQflush(connection_.get());
  if (left < 0) {
    return Fail(postgres::ConnectionError(connection_.get(), "the replication stream broke"));
  }
  has_unsent_ = left > 0;
  return {};
}

}  // namespace trunkline
