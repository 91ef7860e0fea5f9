// pgdata:DIR, the data folder of a Postgres server that was stopped cleanly. A private server makes
// and fills it beside DIR, and it takes DIR's name when all of it is durable.
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "postgres/connection.h"
#include "postgres/server.h"
#include "replay/destination.h"
#include "replay/postgres_database.h"
#include "replay/postgres_rebuild.h"
#include "replay/staging_directory.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;
using postgres::Connection;

constexpr size_t kLongestDatabaseName = 63;  // NAMEDATALEN - 1

// The folder under way and the server on it, which goes first.
struct Workshop {
  StagingDirectory staging;
  std::unique_ptr<postgres::Server> server;
  // Of the database, once it is made.
  std::string name = {};
  DatabaseDefinition like = {};
  int server_version = 0;
};

Result<void> DropDatabase(Connection* connection, const std::string& name) {
  TRY(connection->Exec("DROP DATABASE IF EXISTS " + postgres::QuoteIdentifier(name)));
  return {};
}

// The database postgres that initdb made gives way to one of the same name.
Result<void> MakeDatabase(const std::string& name, const DatabaseDefinition& like,
                          Workshop* workshop) {
  if (workshop->name == name && workshop->like == like) return {};
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(workshop->server->conninfo("template1"),
                                                           postgres::Mode::kNormal, "trunkline"));
  if (!workshop->name.empty()) TRY(DropDatabase(&connection, workshop->name));
  TRY(DropDatabase(&connection, name));
  TRY(CreateDatabaseLike(&connection, name, like));
  workshop->name = name;
  workshop->like = like;
  workshop->server_version = connection.server_version();
  return {};
}

Result<Workshop> OpenWorkshop(const std::string& directory) {
  ASSIGN_OR_RETURN(StagingDirectory staging, StagingDirectory::MakeFor(directory));
  ASSIGN_OR_RETURN(std::unique_ptr<postgres::Server> server,
                   postgres::Server::Start({.data_to_keep = staging.path()}));
  return Workshop{std::move(staging), std::move(server)};
}

// What --force replaces is a PGDATA that no server is using.
Result<void> CheckIsIdlePgdata(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(directory, error) || fs::is_empty(directory, error)) return {};
  if (!fs::exists(directory / "PG_VERSION", error)) {
    return Fail(ErrorKind::kAlreadyExists,
                directory.string() + " holds something else than a PGDATA, and is not replaced",
                "choose another destination");
  }
  if (!fs::exists(directory / "postmaster.pid", error)) return {};
  return Fail(ErrorKind::kAlreadyExists,
              directory.string() + " has a server that runs, or that was killed",
              "stop it: pg_ctl stop -D " + directory.string());
}

Result<void> CheckName(const std::string& name) {
  if (name == "template0" || name == "template1") {
    return Fail(ErrorKind::kInvalidArgument, "the database cannot be called " + name,
                "--create-database NAME gives it another name");
  }
  if (name.size() <= kLongestDatabaseName) return {};
  return Fail(ErrorKind::kInvalidArgument, "the database name " + name + " is too long",
              "a name has up to 63 bytes");
}

class PgdataDestination final : public Destination {
 public:
  PgdataDestination(std::string directory, const DestinationOptions& options)
      : directory_(std::move(directory)), options_(options) {}

  Result<void> Check() override {
    TRY(CheckReplaceable(directory_, options_.force));
    TRY(CheckIsIdlePgdata(directory_));
    TRY(CheckName(options_.create_database.value_or("")));
    TRY(postgres::FindBinDirectory());
    return postgres::CheckServerCanEnter(NearestExistingFolder(directory_));
  }

  bool prepares() const override { return true; }
  void Prepare(const DatabaseDefinition& database) override {
    opening_ = std::async(std::launch::async, [this, database]() -> Result<Workshop> {
      ASSIGN_OR_RETURN(Workshop workshop, OpenWorkshop(directory_));
      ASSIGN_OR_RETURN(const std::string name, NameFor(database));
      TRY(MakeDatabase(name, database, &workshop));
      return workshop;
    });
  }

  Result<std::string> Write(const DatabaseState& state, const Progress& progress) override {
    if (!opening_.valid()) Prepare(state.definition.database);
    ASSIGN_OR_RETURN(Workshop workshop, opening_.get());
    ASSIGN_OR_RETURN(const std::string name, NameFor(state.definition.database));
    TRY(MakeDatabase(name, state.definition.database, &workshop));
    ASSIGN_OR_RETURN(const RebuildReport report,
                     RebuildInto(workshop.server->conninfo(name), state,
                                 {.jobs = options_.jobs,
                                  .analyze = true,
                                  .server = workshop.server.get(),
                                  .data_directory = workshop.staging.path(),
                                  .progress = progress}));
    report.Warn();
    TRY(workshop.server->Seal());
    TRY(CheckIsIdlePgdata(directory_));
    TRY(workshop.staging.Publish(options_.force));
    return RebuiltSummary(state, "in " + directory_ + ", database " + name + ", for Postgres " +
                                     std::to_string(workshop.server_version / 10000) +
                                     "; it belongs to " + postgres::ServerUser() +
                                     ", who starts it with " + workshop.server->bin_directory() +
                                     "/pg_ctl start -D " + directory_);
  }

 private:
  Result<std::string> NameFor(const DatabaseDefinition& source) const {
    std::string name = options_.create_database.value_or(source.name);
    if (name.empty()) name = "trunkline";
    TRY(CheckName(name));
    return name;
  }

  const std::string directory_;
  const DestinationOptions options_;
  std::future<Result<Workshop>> opening_;
};

}  // namespace

Result<std::unique_ptr<Destination>> NewPgdataDestination(const std::string& directory,
                                                          const DestinationOptions& options) {
  if (directory.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "pgdata: names no directory", "write pgdata:DIR");
  }
  return std::unique_ptr<Destination>(std::make_unique<PgdataDestination>(directory, options));
}

}  // namespace trunkline
