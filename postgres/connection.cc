#include "postgres/connection.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/check.h"

namespace trunkline::postgres {
namespace {

struct Setting {
  const char* name;
  const char* value;
  int since = 0;  // the server version that has it
};

// Everything that changes how a value or a definition prints, what rows a query sees, or that could
// end a long command.
constexpr Setting kPinnedSettings[] = {
    {"datestyle", "ISO,MDY"},
    {"intervalstyle", "postgres"},
    {"timezone", "UTC"},
    {"bytea_output", "hex"},
    {"extra_float_digits", "3"},
    {"lc_monetary", "C"},
    {"client_encoding", "UTF8"},
    {"search_path", ""},
    {"quote_all_identifiers", "off"},
    {"standard_conforming_strings", "on"},  // what QuoteLiteral relies on
    {"jit", "off"},           // compiling a catalog query takes longer than running it
    {"row_security", "off"},  // fail rather than leave rows out
    {"statement_timeout", "0"},
    {"lock_timeout", "0"},
    {"idle_in_transaction_session_timeout", "0"},
    {"idle_session_timeout", "0", 140000},
    {"transaction_timeout", "0", 170000},
};

// The same on the server's side, whose defaults leave a session with its locks and slots open for
// hours after our machine or the network has gone without a word.
constexpr char kServerSideTimeouts[] =
    "SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
    "SET tcp_user_timeout = 50000";

std::string PinningCommand(int server_version) {
  std::string command;
  for (const Setting& setting : kPinnedSettings) {
    if (setting.since > server_version) continue;
    command += std::string("SET ") + setting.name + " = " + QuoteLiteral(setting.value) + ";";
  }
  return command;
}

// Text of libpq's or the server's own without the newline at its end, on one line.
std::string OneLine(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// libpq gives no SQLSTATE for a connection that was refused, so the server's words must do. In
// another language than English nothing matches, and the failure counts as passing.
Error RefusedConnection(std::string_view message) {
  Error error{ErrorKind::kUnavailable, OneLine(message), {}};
  if (Contains(message, "authentication failed") || Contains(message, "no password supplied")) {
    error.kind = ErrorKind::kDenied;
    error.hint = "check user and password: conninfo, PGPASSWORD or ~/.pgpass";
  } else if (Contains(message, "no pg_hba.conf entry")) {
    error.kind = ErrorKind::kDenied;
    error.hint = "add a matching line to the server's pg_hba.conf and reload it";
  } else if (Contains(message, "permission denied") || Contains(message, "must be superuser") ||
             Contains(message, "is not permitted to log in")) {
    error.kind = ErrorKind::kDenied;
  } else if (Contains(message, "does not exist") && Contains(message, "FATAL")) {
    error.kind = ErrorKind::kNotFound;
    error.hint = "check the role and the database that the connection string names";
  } else if (Contains(message, "too many") || Contains(message, "connection slots are reserved") ||
             Contains(message, "number of requested standby connections exceeds")) {
    error.hint = "raise max_connections or max_wal_senders on the server";
  } else if (Contains(message, "definition of service") ||
             Contains(message, "invalid sslmode value") || Contains(message, "invalid port")) {
    error.kind = ErrorKind::kInvalidArgument;
  } else {
    error.hint = "is the server running, and are host and port right?";
  }
  return error;
}

ErrorKind KindOfSqlState(std::string_view state) {
  const std::string_view state_class = state.substr(0, 2);
  if (state == "53400") return ErrorKind::kFailed;  // a limit of the configuration: no slot is free
  if (state_class == "08" || state_class == "53" || state_class == "40" ||
      state.starts_with("57P0") || state == "57014" || state == "55P03") {
    return ErrorKind::kUnavailable;
  }
  if (state == "55006") return ErrorKind::kBusy;  // a slot or database in use
  if (state_class == "28" || state == "42501") return ErrorKind::kDenied;
  if (state == "3D000" || state == "3F000" || state == "42704" || state == "42P01" ||
      state == "42703") {
    return ErrorKind::kNotFound;
  }
  if (state == "42P04" || state == "42P06" || state == "42P07" || state == "42710") {
    return ErrorKind::kAlreadyExists;
  }
  if (state_class == "0A") return ErrorKind::kUnsupported;
  return ErrorKind::kFailed;
}

// The messages of class 22, data exceptions, quote the value that did not parse.
std::string WithoutQuotedParts(std::string_view message) {
  std::string result;
  bool quoted = false;
  for (const char c : message) {
    if (c == '"') {
      if (!quoted) result += "\"...\"";
      quoted = !quoted;
    } else if (!quoted) {
      result += c;
    }
  }
  return result;
}

std::string_view Field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// Reads a command's remaining results, so that the connection can take the next one.
Result<void> DrainResults(PGconn* connection, std::string_view what) {
  Result<void> outcome;
  while (PGresult* raw = PQgetResult(connection)) {
    const Rows rows(raw);
    const ExecStatusType status = PQresultStatus(raw);
    const bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!ok && outcome) outcome = Fail(ResultError(raw, what));
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) break;
  }
  if (outcome && PQstatus(connection) == CONNECTION_BAD) {
    outcome = Fail(ConnectionError(connection, what));
  }
  return outcome;
}

Result<Rows> CheckedRows(PGconn* connection, PGresult* raw, std::string_view what) {
  if (raw == nullptr) return Fail(ConnectionError(connection, what));
  Rows rows(raw);
  switch (PQresultStatus(raw)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      return rows;
    case PGRES_FATAL_ERROR:
    case PGRES_BAD_RESPONSE:
      // A connection that broke has no SQLSTATE.
      if (Field(raw, PG_DIAG_SQLSTATE).empty()) return Fail(ConnectionError(connection, what));
      return Fail(ResultError(raw, what));
    default:
      return Fail(ErrorKind::kFailed, "not a command that ends by itself");
  }
}

// A failed command needs no words of ours beside the server's.
constexpr std::string_view kCommand = "";

}  // namespace

std::string PinnedOptions() {
  std::string options;
  for (const Setting& setting : kPinnedSettings) {
    if (setting.since != 0) continue;  // the program's server may not know it
    if (!options.empty()) options += ' ';
    options += std::string("-c ") + setting.name + "=" + setting.value;
  }
  return options;
}

std::string PinnedForTransaction() {
  std::string commands;
  for (const Setting& setting : kPinnedSettings) {
    if (setting.since != 0) continue;  // nor is it known who runs the commands
    commands +=
        std::string("SET LOCAL ") + setting.name + " = " + QuoteLiteral(setting.value) + ";\n";
  }
  return commands;
}

int64_t Rows::number(int row, int column) const {
  const std::string_view text = at(row, column);
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Result<Connection> Connection::Open(const std::string& conninfo, Mode mode,
                                    std::string_view application_name) {
  TRY(libpq.Load());
  char* parse_error = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(conninfo.c_str(), &parse_error);
  if (parsed == nullptr) {
    const std::string reason = parse_error == nullptr ? "" : OneLine(parse_error);
    PQfreemem(parse_error);
    // libpq's other messages quote the conninfo, which may hold a password.
    const bool harmless = reason.starts_with("invalid connection option");
    return Fail(ErrorKind::kInvalidArgument,
                "malformed connection string" + (harmless ? ": " + reason : std::string()),
                "write \"host=... dbname=... user=...\" or postgresql://user@host/database");
  }
  PQconninfoFree(parsed);

  const std::string name(application_name);
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  const auto add = [&](const char* keyword, const char* value) {
    keywords.push_back(keyword);
    values.push_back(value);
  };
  // Defaults that find a dead peer within a minute; what `dbname`, the conninfo, sets comes later
  // and wins.
  add("keepalives_idle", "20");
  add("keepalives_interval", "10");
  add("keepalives_count", "3");
  add("tcp_user_timeout", "50000");
  if (std::getenv("PGCONNECT_TIMEOUT") == nullptr) add("connect_timeout", "10");
  add("fallback_application_name", name.c_str());
  const bool empty = conninfo.find_first_not_of(" \t\n") == std::string::npos;
  if (!empty) add("dbname", conninfo.c_str());
  if (mode == Mode::kReplication) add("replication", "database");
  add(nullptr, nullptr);

  PGconn* raw = PQconnectdbParams(keywords.data(), values.data(), /*expand_dbname=*/1);
  CHECK(raw != nullptr);
  Connection connection(raw);
  if (PQstatus(raw) != CONNECTION_OK) return Fail(RefusedConnection(PQerrorMessage(raw)));
  PQsetNoticeProcessor(
      raw, [](void*, const char*) {}, nullptr);
  // By command rather than in the startup packet, so that no PGOPTIONS, PGTZ, PGDATESTYLE, service
  // file or ALTER ROLE ... SET comes after them.
  TRY(connection.Exec(PinningCommand(connection.server_version()) + kServerSideTimeouts));
  return connection;
}

Result<Rows> Connection::Exec(const std::string& sql) {
  return CheckedRows(get(), PQexec(get(), sql.c_str()), kCommand);
}

Result<Rows> Connection::Exec(const std::string& sql, std::span<const std::string> parameters) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  PGresult* result = PQexecParams(get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                                  values.data(), nullptr, nullptr, /*resultFormat=*/0);
  return CheckedRows(get(), result, kCommand);
}

Result<void> Connection::CopyOut(const std::string& sql,
                                 const std::function<Result<void>(std::string_view)>& row) {
  {
    PGresult* raw = PQexec(get(), sql.c_str());
    if (raw == nullptr) return Fail(ConnectionError(get(), kCommand));
    const Rows started(raw);
    if (PQresultStatus(raw) != PGRES_COPY_OUT) {
      if (Field(raw, PG_DIAG_SQLSTATE).empty()) return Fail(ConnectionError(get(), kCommand));
      return Fail(ResultError(raw, kCommand));
    }
  }
  for (;;) {
    char* buffer = nullptr;
    const int length = PQgetCopyData(get(), &buffer, /*async=*/0);
    if (length == -1) break;
    if (length < 0) return Fail(ConnectionError(get(), "COPY broke off"));
    const std::unique_ptr<char, FreeMemory> owned(buffer);
    Result<void> taken = row(std::string_view(buffer, static_cast<size_t>(length)));
    if (!taken) {
      // The rest of the rows is of no use: have the server stop, then read what is on its way.
      if (PGcancel* cancel = PQgetCancel(get())) {
        char message[256];
        PQcancel(cancel, message, sizeof(message));
        PQfreeCancel(cancel);
      }
      char* rest = nullptr;
      while (PQgetCopyData(get(), &rest, 0) > 0) PQfreemem(rest);
      (void)DrainResults(get(), kCommand).has_value();
      return taken;
    }
  }
  return DrainResults(get(), "COPY failed");
}

Result<void> Connection::CopyIn(const std::string& sql,
                                const std::function<Result<std::string_view>()>& next) {
  {
    PGresult* raw = PQexec(get(), sql.c_str());
    if (raw == nullptr) return Fail(ConnectionError(get(), kCommand));
    const Rows started(raw);
    if (PQresultStatus(raw) != PGRES_COPY_IN) {
      if (Field(raw, PG_DIAG_SQLSTATE).empty()) return Fail(ConnectionError(get(), kCommand));
      return Fail(ResultError(raw, kCommand));
    }
  }
  for (;;) {
    Result<std::string_view> chunk = next();
    if (!chunk) {
      PQputCopyEnd(get(), "the sender gave up");
      (void)DrainResults(get(), kCommand).has_value();
      return Fail(std::move(chunk).error());
    }
    if (chunk->empty()) break;
    if (PQputCopyData(get(), chunk->data(), static_cast<int>(chunk->size())) != 1) {
      // The server may have said why it stopped reading.
      TRY(DrainResults(get(), "COPY failed"));
      return Fail(ConnectionError(get(), "COPY broke off"));
    }
  }
  if (PQputCopyEnd(get(), nullptr) != 1) return Fail(ConnectionError(get(), "COPY broke off"));
  return DrainResults(get(), "COPY failed");
}

std::string QuoteIdentifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string QuoteLiteral(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted + '\'';
}

Error ResultError(const PGresult* result, std::string_view what) {
  const std::string_view state = Field(result, PG_DIAG_SQLSTATE);
  std::string message = OneLine(Field(result, PG_DIAG_MESSAGE_PRIMARY));
  if (message.empty()) message = OneLine(PQresultErrorMessage(result));
  if (state.starts_with("22")) message = WithoutQuotedParts(message);
  Error error{KindOfSqlState(state), std::move(message),
              OneLine(Field(result, PG_DIAG_MESSAGE_HINT))};
  return what.empty() ? error : std::move(error).WithContext(what);
}

Error ConnectionError(PGconn* connection, std::string_view what) {
  std::string message = OneLine(PQerrorMessage(connection));
  if (message.empty()) message = "the connection is lost";
  // Where a write fails first, libpq does not mark the connection as bad until it is read from.
  const bool broken = PQstatus(connection) == CONNECTION_BAD ||
                      Contains(message, "server closed the connection") ||
                      Contains(message, "could not send data to server");
  const ErrorKind kind = broken ? ErrorKind::kUnavailable : ErrorKind::kFailed;
  Error error{kind, std::move(message), {}};
  return what.empty() ? error : std::move(error).WithContext(what);
}

}  // namespace trunkline::postgres
