// Makes the tables of a state in a Postgres database and loads their rows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "postgres/server.h"
#include "replay/state.h"

namespace trunkline {

struct RebuildOptions {
  // All in one transaction on one connection, so that a failure leaves the database as it was. For
  // a database that is not ours alone; else everything that can runs in parallel.
  bool one_transaction = false;
  int jobs = 2;  // connections, where not in one transaction
  // Drop tables of the same names first.
  bool replace = false;
  // Skip the write-ahead log: for a server whose data is thrown away.
  bool unlogged = false;
  // Gather statistics for the planner at the end.
  bool analyze = false;
  // The server, where it is ours alone: it is stopped for a while, and what rows and indexes can be
  // are written into its files.
  postgres::Server* server = nullptr;
  std::string data_directory = {};  // with `server`: where these are
  // Rows loaded so far and in all; called by one thread at a time; may be null.
  std::function<void(uint64_t done, uint64_t total)> progress = {};
};

struct RebuildReport {
  std::vector<std::string> lacking;  // what could not be made here, with the reason
  std::vector<std::string> notes;    // where the result differs by necessity from the source

  // Logs all of it.
  void Warn() const;
};

// kAlreadyExists, before anything is done, when one of the tables is there already and `replace` is
// not set. On failure a database that is not in one transaction is left half-made: drop it.
Result<RebuildReport> RebuildInto(const std::string& conninfo, const DatabaseState& state,
                                  const RebuildOptions& options);

}  // namespace trunkline
