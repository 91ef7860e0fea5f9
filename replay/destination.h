// Destination: where a rebuilt state goes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "replay/state.h"

namespace trunkline {

struct DestinationOptions {
  // Replace what the destination holds; with create_database, the database of that name, and what a
  // rebuild under that name left when it was killed.
  bool force = false;
  // Postgres: make a new database; an empty name asks for a unique one. pgdata: the database's
  // name, where not the source's.
  std::optional<std::string> create_database = {};
  // Postgres alone: a file that gets the new database's name once it is whole; empty: none.
  std::string database_file = {};
  // Postgres alone: gets the name of the database that was filled, once it is whole. Null: the name
  // of a new one is printed on standard output.
  std::function<void(const std::string& name)> on_database = {};
  // Postgres and pgdata: connections that load a new database at once.
  int jobs = 2;
};

class Destination {
 public:
  // Rows written so far and in all.
  using Progress = std::function<void(uint64_t done, uint64_t total)>;

  virtual ~Destination() = default;
  // Refuses what Write would refuse without having seen the state, ahead of the long work:
  // kAlreadyExists, with a hint, for a destination that holds data. Writes nothing.
  virtual Result<void> Check() = 0;
  // Whether Prepare does anything.
  virtual bool prepares() const { return false; }
  // Begins, on threads of its own, what takes time and does not need the state; `database` is most
  // likely the state's. After Check; may be left out. Without a Write all of it is taken back.
  virtual void Prepare(const DatabaseDefinition& /*database*/) {}
  // Writes every table of `state`. What an error leaves behind never looks complete. Yields one
  // line on what was made, for the user. `progress` may be null.
  virtual Result<std::string> Write(const DatabaseState& state, const Progress& progress) = 0;
};

// By prefix: csv:DIR, sql:FILE, pgdata:DIR, postgresql://..., postgres://...; kInvalidArgument for
// anything else, and for options that the destination has no use for.
Result<std::unique_ptr<Destination>> OpenDestination(const std::string& address,
                                                     const DestinationOptions& options);

// The file or directory that the destination makes, "-" for standard output; empty for a server.
std::string DestinationPath(const std::string& address);

// kInvalidArgument where one of the two is the other or lies within it: an archive's folder is for
// the archive alone, and --force must not remove one.
Result<void> CheckApart(const std::string& destination_path, const std::string& archive);

// "rebuilt 2 tables with 5 rows WHERE", for the user.
std::string RebuiltSummary(const DatabaseState& state, const std::string& where);

// The implementations; `directory`, `file` and `conninfo` come without and with their prefix.
Result<std::unique_ptr<Destination>> NewCsvDestination(const std::string& directory,
                                                       const DestinationOptions& options);
Result<std::unique_ptr<Destination>> NewSqlDestination(const std::string& file,
                                                       const DestinationOptions& options);
Result<std::unique_ptr<Destination>> NewPgdataDestination(const std::string& directory,
                                                          const DestinationOptions& options);
Result<std::unique_ptr<Destination>> NewPostgresDestination(const std::string& conninfo,
                                                            const DestinationOptions& options);

}  // namespace trunkline
