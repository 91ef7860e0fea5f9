// The destination postgresql://...: a live server.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <future>
#include <random>
#include <thread>

#include "archive/sha256.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "postgres/connection.h"
#include "replay/ddl_text.h"
#include "replay/destination.h"
#include "replay/postgres_database.h"
#include "replay/postgres_rebuild.h"

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::QuoteIdentifier;

constexpr size_t kLongestName = 63;  // NAMEDATALEN - 1

std::string RandomDigits() {
  std::random_device random;
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", static_cast<unsigned>(random()));
  return digits.data();
}

// "trunkline_20161130_172900_1f0a93cc"
std::string UniqueName() {
  std::string name = "trunkline_";
  for (const char c : Timestamp::Now().ToString()) {
    if (c == '.' || c == '+') break;
    if (c >= '0' && c <= '9') name += c;
    if (c == ' ') name += '_';
  }
  return name + "_" + RandomDigits();
}

// What a database is called until it is whole. Whoever may replace it finds what an earlier attempt
// left; nobody else meets another's.
std::string IncompleteName(const std::string& name, bool replace) {
  std::string digits = RandomDigits();
  if (replace && !name.empty()) {
    Sha256 sha256;
    sha256.Update(name);
    const std::string digest = sha256.Finish();
    for (size_t i = 0; i < 4; ++i) {
      std::snprintf(&digits[2 * i], 3, "%02x", static_cast<unsigned char>(digest[i]));
    }
  }
  return "trunkline_incomplete_" + digits;
}

Result<Connection> Open(const std::string& conninfo) {
  return Connection::Open(conninfo, postgres::Mode::kNormal, "trunkline");
}

// A database that is there: in one transaction, so that a failure leaves it as it was.
class ExistingDatabase : public Destination {
 public:
  ExistingDatabase(std::string conninfo, const DestinationOptions& options)
      : conninfo_(std::move(conninfo)), force_(options.force), on_database_(options.on_database) {}

  Result<void> Check() override {
    TRY(Open(conninfo_));
    return {};
  }

  Result<std::string> Write(const DatabaseState& state, const Progress& progress) override {
    ASSIGN_OR_RETURN(
        const RebuildReport report,
        RebuildInto(conninfo_, state,
                    {.one_transaction = true, .replace = force_, .progress = progress}));
    report.Warn();
    ASSIGN_OR_RETURN(const Connection connection, Open(conninfo_));
    const std::string database = PQdb(connection.get());
    if (on_database_) on_database_(database);
    return RebuiltSummary(state, "in database " + database);
  }

 private:
  const std::string conninfo_;
  const bool force_;
  const std::function<void(const std::string&)> on_database_;
};

// A database of our own, which bears its name only once it is whole.
class NewDatabase : public Destination {
 public:
  NewDatabase(std::string conninfo, const DestinationOptions& options)
      : conninfo_(std::move(conninfo)),
        name_(options.create_database->empty() ? UniqueName() : *options.create_database),
        incomplete_(IncompleteName(*options.create_database, options.force)),
        force_(options.force),
        file_(options.database_file),
        on_database_(options.on_database),
        jobs_(options.jobs) {}
  NewDatabase(const NewDatabase&) = delete;
  NewDatabase& operator=(const NewDatabase&) = delete;
  ~NewDatabase() override {
    if (making_.valid() && making_.get()) Abandon();
  }

  Result<void> Check() override {
    if (name_.size() > kLongestName) {
      return Fail(ErrorKind::kInvalidArgument, "the database name " + name_ + " is too long",
                  "a name has up to 63 bytes");
    }
    ASSIGN_OR_RETURN(Connection connection, OpenServer());
    const std::vector<std::string> parameters = {name_};
    ASSIGN_OR_RETURN(
        const postgres::Rows rows,
        connection.Exec("SELECT rolcreatedb OR rolsuper, EXISTS (SELECT FROM "
                        "pg_catalog.pg_database WHERE datname = $1) FROM pg_catalog.pg_roles "
                        "WHERE rolname = current_user",
                        parameters));
    if (rows.size() == 1 && rows.at(0, 0) == "f") {
      return Fail(ErrorKind::kDenied, "the role may not create databases",
                  "ALTER ROLE ... CREATEDB");
    }
    if (rows.size() == 1 && rows.at(0, 1) == "t" && !force_) {
      return Fail(ErrorKind::kAlreadyExists, "there is a database " + name_ + " already",
                  "choose another name, none for a unique one, or --force to replace it");
    }
    return {};
  }

  bool prepares() const override { return true; }
  void Prepare(const DatabaseDefinition& database) override {
    making_ = std::async(std::launch::async, [this, database]() -> Result<DatabaseDefinition> {
      TRY(Make(database));
      return database;
    });
  }

  Result<std::string> Write(const DatabaseState& state, const Progress& progress) override {
    TRY(Check());
    TRY(MakeFor(state.definition.database));
    ASSIGN_OR_RETURN(Connection connection, OpenServer());
    auto done = Fill(&connection, state, progress);
    if (!done) {
      Abandon();
      return Fail(std::move(done).error());
    }
    TRY(TellName());
    return RebuiltSummary(state, "in new database " + name_);
  }

 private:
  // A server is spoken to through some database that it has.
  Result<Connection> OpenServer() const {
    auto connection = Open(conninfo_);
    if (connection || connection.error().kind != ErrorKind::kNotFound) return connection;
    Error error = std::move(connection).error();
    error.hint = "name a database that is there, such as postgresql://HOST/postgres";
    return Fail(std::move(error));
  }

  Result<void> Make(const DatabaseDefinition& database) {
    ASSIGN_OR_RETURN(Connection connection, OpenServer());
    if (force_) TRY(Drop(&connection, incomplete_));
    return CreateDatabaseLike(&connection, incomplete_, database);
  }

  // The one that was prepared, where it is such a one. Whatever kept that from being made is met
  // again, or is over.
  Result<void> MakeFor(const DatabaseDefinition& database) {
    if (making_.valid()) {
      const Result<DatabaseDefinition> made = making_.get();
      if (made && *made == database) return {};
      if (made) Abandon();
    }
    return Make(database);
  }

  // Drops the database that is not whole.
  void Abandon() const {
    Result<void> dropped = [this]() -> Result<void> {
      ASSIGN_OR_RETURN(Connection connection, OpenServer());
      TRY(connection.Exec("DROP DATABASE " + QuoteIdentifier(incomplete_)));
      return {};
    }();
    if (!dropped) spdlog::warn("database {} is left: {}", incomplete_, dropped.error().ToString());
  }

  Result<void> Fill(Connection* connection, const DatabaseState& state, const Progress& progress) {
    ASSIGN_OR_RETURN(const std::string conninfo, WithDatabase(conninfo_, incomplete_));
    ASSIGN_OR_RETURN(const RebuildReport report,
                     RebuildInto(conninfo, state, {.jobs = jobs_, .progress = progress}));
    report.Warn();
    if (force_) TRY(Drop(connection, name_));
    TRY(AwaitSessionsEnd(connection));
    TRY(connection->Exec("ALTER DATABASE " + QuoteIdentifier(incomplete_) + " RENAME TO " +
                         QuoteIdentifier(name_)));
    return {};
  }

  // A rename meets the sessions that we have just closed for a moment yet, and would sleep for 100
  // ms; so it is asked for when they are gone. Whatever else keeps the database is its to report.
  Result<void> AwaitSessionsEnd(Connection* connection) const {
    constexpr auto kLongest = std::chrono::milliseconds(100);
    constexpr auto kPause = std::chrono::milliseconds(2);
    const std::vector<std::string> parameters = {incomplete_};
    const auto deadline = std::chrono::steady_clock::now() + kLongest;
    while (std::chrono::steady_clock::now() < deadline) {
      ASSIGN_OR_RETURN(
          const postgres::Rows sessions,
          connection->Exec("SELECT FROM pg_catalog.pg_stat_activity WHERE datname = $1",
                           parameters));
      if (sessions.size() == 0) break;
      std::this_thread::sleep_for(kPause);
    }
    return {};
  }

  // Ends the sessions that a killed process left in it.
  static Result<void> Drop(Connection* connection, const std::string& name) {
    TRY(connection->Exec("DROP DATABASE IF EXISTS " + QuoteIdentifier(name) + " WITH (FORCE)"));
    return {};
  }

  // Data goes to standard output: the name is what a script goes on with.
  Result<void> TellName() const {
    if (on_database_) {
      on_database_(name_);
    } else {
      std::printf("%s\n", name_.c_str());
    }
    if (file_.empty()) return {};
    std::ofstream file(file_);
    file << name_ << '\n';
    file.close();
    if (file) return {};
    return Fail(ErrorKind::kFailed,
                "database " + name_ + " is rebuilt, but its name cannot be written to " + file_);
  }

  const std::string conninfo_;
  const std::string name_;
  const std::string incomplete_;
  const bool force_;
  const std::string file_;
  const std::function<void(const std::string&)> on_database_;
  const int jobs_;
  std::future<Result<DatabaseDefinition>> making_;  // what the database was made like
};

}  // namespace

Result<std::unique_ptr<Destination>> NewPostgresDestination(const std::string& conninfo,
                                                            const DestinationOptions& options) {
  if (options.jobs < 1) return Fail(ErrorKind::kInvalidArgument, "--jobs must be 1 or more");
  if (options.create_database) return std::make_unique<NewDatabase>(conninfo, options);
  return std::make_unique<ExistingDatabase>(conninfo, options);
}

}  // namespace trunkline
