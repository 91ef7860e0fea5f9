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
  // PGDATA and the socket go into a new folder below this one.
  std::string parent_directory = "/tmp";
  // Lines of postgresql.conf. The default is right for a server whose data is thrown away.
  std::vector<std::string> settings = {
      "fsync = off",         "synchronous_commit = off", "full_page_writes = off",
      "wal_level = minimal", "max_wal_senders = 0",      "autovacuum = off",
      "max_wal_size = 16GB", "shared_buffers = 256MB",   "maintenance_work_mem = 256MB"};
  // Begins with a copy of this PGDATA, whose server must be stopped, instead of a new one.
  std::string copy_of = {};
  int tcp_port = 0;  // also listens on 127.0.0.1 where not 0
};

// Destroying it stops the server at once and removes its folder, on every path out.
class Server {
 public:
  // Makes the folder, runs initdb (locale C.UTF-8, encoding UTF8, trust on the socket) unless a
  // copy is asked for, and starts it.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options);
  virtual ~Server() = default;

  // "host=<folder> port=... user=postgres dbname=<database>"
  virtual std::string conninfo(const std::string& database) const = 0;
  virtual const std::string& folder() const = 0;  // holds data/, the socket and log
  virtual const std::string& bin_directory() const = 0;
  virtual pid_t pid() const = 0;

  virtual Result<void> Stop(bool immediate) = 0;  // pg_ctl stop -m fast, or immediate
  virtual Result<void> Restart(const std::vector<std::string>& more_settings) = 0;
  // Keeps data/ and gives it up: stops cleanly, and destruction then leaves the folder alone.
  virtual Result<std::string> Release() = 0;
};

// Finds the folder of initdb and postgres as ServerOptions says. kNotFound with a hint.
Result<std::string> FindBinDirectory();

}  // namespace trunkline::postgres
