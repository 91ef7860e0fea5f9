// Server: a private Postgres in a folder of our own, from the installed binaries.
//
// Listens on a Unix socket in its folder alone, unless told otherwise. Postgres refuses to run as
// root: when we are root, it runs as the user `postgres`, who then owns the folder.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace trunkline::postgres {

struct ServerOptions {
  // Where initdb and postgres are. Empty: TRUNKLINE_PG_BINDIR, then `pg_config --bindir`, then the
  // highest version in /usr/lib/postgresql/*/bin, then PATH.
  std::string bin_directory = {};
  // PGDATA and the socket go into a new folder below this one. Empty: TMPDIR, else /tmp.
  std::string parent_directory = {};
  // Lines of postgresql.conf. The default is right for a server whose data is thrown away.
  std::vector<std::string> settings = {
      "fsync = off",         "synchronous_commit = off", "full_page_writes = off",
      "wal_level = minimal", "max_wal_senders = 0",      "autovacuum = off",
      "max_wal_size = 16GB", "shared_buffers = 256MB",   "maintenance_work_mem = 256MB"};
  // Begins with a copy of this PGDATA, whose server must be stopped, instead of a new one.
  std::string copy_of = {};
  int tcp_port = 0;  // also listens on 127.0.0.1 where not 0
  // An empty folder that becomes a PGDATA to keep: its configuration is what initdb makes, ours
  // holds while this server runs; later sessions must be its owner (peer) or know a password
  // (scram-sha-256); the superuser is named like the owner. Empty: data/ in the server's folder.
  std::string data_to_keep = {};
};

// Destroying it stops the server at once and removes its folder, and data_to_keep unless that was
// renamed, on every path out.
class Server {
 public:
  // Makes the folder, runs initdb (locale C.UTF-8, encoding UTF8, trust on the socket) unless a
  // copy is asked for, and starts it.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options);
  virtual ~Server() = default;

  // "host=<folder> port=... user=<superuser> dbname=<database>"
  virtual std::string conninfo(const std::string& database) const = 0;
  virtual const std::string& folder() const = 0;  // holds data/, the socket and log
  virtual const std::string& bin_directory() const = 0;
  virtual pid_t pid() const = 0;

  virtual Result<void> Stop(bool immediate) = 0;  // pg_ctl stop -m fast, or immediate
  virtual Result<void> Restart(const std::vector<std::string>& more_settings) = 0;
  // Keeps data/ and gives it up: stops cleanly, and destruction then leaves the folder alone.
  virtual Result<std::string> Release() = 0;
  // Stops cleanly, with all of the data durable and no trace of this server in it: ready to be
  // renamed to where it is to stay.
  virtual Result<void> Seal() = 0;
};

// The user who owns what a server of ours makes: `postgres` when we are root, else ourselves.
std::string ServerUser();

// kDenied, with a hint, where that user cannot enter `folder`, which exists.
Result<void> CheckServerCanEnter(const std::string& folder);

// Finds the folder of initdb and postgres as ServerOptions says. kNotFound with a hint.
Result<std::string> FindBinDirectory();

}  // namespace trunkline::postgres
