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
  // Postgres alone: make a new database; an empty name asks for a unique one.
  std::optional<std::string> create_database = {};
  // Postgres alone: a file that gets the new database's name once it is whole; empty: none.
  std::string database_file = {};
  // Postgres alone: gets the name of the database that was filled, once it is whole. Null: the name
  // of a new one is printed on standard output.
  std::function<void(const std::string& name)> on_database = {};
  // Postgres alone: connections that load a new database at once.
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
  // Writes every table of `state`. What an error leaves behind never looks complete. Yields one
  // line on what was made, for the user. `progress` may be null.
  virtual Result<std::string> Write(const DatabaseState& state, const Progress& progress) = 0;
};

// By prefix: csv:DIR, postgresql://..., postgres://...; kUnsupported for sql: and pgdata:,
// kInvalidArgument for anything else.
Result<std::unique_ptr<Destination>> OpenDestination(const std::string& address,
                                                     const DestinationOptions& options);

// The implementations; `directory` and `conninfo` come without and with their prefix.
Result<std::unique_ptr<Destination>> NewCsvDestination(const std::string& directory,
                                                       const DestinationOptions& options);
Result<std::unique_ptr<Destination>> NewPostgresDestination(const std::string& conninfo,
                                                            const DestinationOptions& options);

}  // namespace trunkline
