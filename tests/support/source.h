// Source: a Postgres to capture from, made for one test or one suite.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "postgres/server.h"
#include "tests/support/session.h"

namespace trunkline::test {

// Ends a walsender of the daemon's slot that has not noticed its client's end yet.
inline const std::string kFreeSlot =
    "SELECT pg_catalog.pg_terminate_backend(active_pid, 10000) "
    "FROM pg_catalog.pg_replication_slots "
    "WHERE slot_name = 'trunkline' AND active_pid IS NOT NULL; ";
inline const std::string kDropSlot =
    kFreeSlot + "SELECT pg_catalog.pg_drop_replication_slot('trunkline')";

struct SourceOptions {
  // Come after the settings that logical decoding needs, so they win.
  std::vector<std::string> settings = {};
  int tcp_port = 0;
  // A stopped server's PGDATA to begin with a copy of.
  std::string copy_of = {};
  std::string bin_directory = {};  // of another server than TRUNKLINE_PG_BINDIR says
};

class Source {
 public:
  explicit Source(const SourceOptions& options = {});

  std::string conninfo(const std::string& database = "postgres") const;
  // The same as a URI: postgresql://...
  std::string uri(const std::string& database = "postgres") const;
  std::string port() const;  // also part of the socket's name
  int major() const;         // version
  Session Connect(const std::string& database = "postgres") const;
  // A new database, of which `sql` is the content; its conninfo.
  std::string NewDatabase(const std::string& name, const std::string& sql = {});
  // Ends every connection to `database`, so that its slots can be dropped, and drops them.
  void DropSlots(const std::string& database);
  // Drops the database and its slots.
  void DropDatabase(const std::string& name);

  // From now on, TCP connections need a password.
  void RequirePasswords();

  postgres::Server& server() { return *server_; }
  std::string data() const { return server_->folder() + "/data"; }
  std::string log() const;
  // One of Postgres's own client programs.
  std::string tool(const std::string& name) const;

 private:
  std::unique_ptr<postgres::Server> server_;
};

// A physical standby that follows `primary`: a copy made while it was stopped, its slots included.
// The primary runs again when this returns.
std::unique_ptr<Source> MakeStandby(Source* primary, int tcp_port = 0);

// The major version of one of Postgres's programs.
int MajorOf(const std::string& program);

// Where the Postgres is that this machine has beside the one that TRUNKLINE_PG_BINDIR names; the
// same one where there is no other.
std::string OtherBinDirectory();

// A free TCP port of 127.0.0.1.
int FreePort();

}  // namespace trunkline::test
