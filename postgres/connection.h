// Connection: libpq as RAII types, with errors classified.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "postgres/libpq.h"

namespace trunkline::postgres {

// Of what libpq allocates and says must be freed so.
struct FreeMemory {
  void operator()(char* bytes) const { PQfreemem(bytes); }
};

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};

// Rows of a finished command, as text.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result) {}
  int size() const { return PQntuples(result_.get()); }
  bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  std::string_view at(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<size_t>(PQgetlength(result_.get(), row, column))};
  }
  // Of digits, and perhaps a minus sign; 0 for anything else.
  int64_t number(int row, int column) const;
  PGresult* get() const { return result_.get(); }

 private:
  std::unique_ptr<PGresult, ResultDeleter> result_;
};

enum class Mode {
  kNormal,
  kReplication,  // replication=database: walsender commands and simple queries
};

// The settings that Connection pins, under which a value's text is exact and independent of the
// server's configuration: datestyle ISO, intervalstyle postgres, timezone UTC, bytea_output hex,
// extra_float_digits 3 (1 means shortest-exact from Postgres 12), client_encoding UTF8, an empty
// search_path so that names print qualified, and more of the kind. As "-c name=value ...", for
// programs of others (PGOPTIONS of pg_recvlogical, psql).
std::string PinnedOptions();
// The same as commands, a line each, that hold until the end of the transaction.
std::string PinnedForTransaction();

class Connection {
 public:
  // `conninfo` is whatever libpq takes: keywords and values, a URI, a service name. The pinned
  // settings win over whatever it, the environment or the role sets. kUnavailable, kDenied or
  // kInvalidArgument; the message never holds a password.
  static Result<Connection> Open(const std::string& conninfo, Mode mode,
                                 std::string_view application_name);

  PGconn* get() const { return connection_.get(); }
  int server_version() const { return PQserverVersion(connection_.get()); }

  // Runs one command (simple protocol, so also several with semicolons between, in which case the
  // last one's rows come back).
  Result<Rows> Exec(const std::string& sql);
  Result<Rows> Exec(const std::string& sql, std::span<const std::string> parameters);
  // Runs "COPY ... TO STDOUT"; calls `row` with each line's bytes, the newline included.
  Result<void> CopyOut(const std::string& sql,
                       const std::function<Result<void>(std::string_view line)>& row);
  // Runs "COPY ... FROM STDIN"; calls `next` until it yields an empty chunk.
  Result<void> CopyIn(const std::string& sql,
                      const std::function<Result<std::string_view>()>& next);

 private:
  struct Deleter {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  explicit Connection(PGconn* connection) : connection_(connection) {}

  std::unique_ptr<PGconn, Deleter> connection_;
};

// "name" quoted as an identifier or as a literal, for standard_conforming_strings = on.
std::string QuoteIdentifier(std::string_view name);
std::string QuoteLiteral(std::string_view text);

// The error of a failed result or connection, classified by SQLSTATE (manual: appendix A): 08*,
// 40*, 53* but 53400, 55P03, 57014 and 57P0* are kUnavailable, 55006 kBusy, 28* and 42501 kDenied,
// 3D000, 3F000, 42703, 42704 and 42P01 kNotFound, 42710, 42P04, 42P06 and 42P07 kAlreadyExists, 0A*
// kUnsupported, others kFailed. The server's DETAIL, which can hold row values, is left out;
// its HINT becomes the hint. `what`, if any, goes before the message.
Error ResultError(const PGresult* result, std::string_view what);
Error ConnectionError(PGconn* connection, std::string_view what);

// The value of one field of COPY's text format (manual: COPY, "Text Format"), unescaped in place
// into `scratch` where it holds a backslash. kCorrupt for a malformed escape.
Result<std::string_view> UnescapeCopyText(std::string_view field, std::string* scratch);
// Appends `value` escaped for COPY's text format.
void AppendCopyText(std::string_view value, std::string* line);

}  // namespace trunkline::postgres
