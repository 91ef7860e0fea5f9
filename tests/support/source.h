// Source: a Postgres to capture from, made for one test or one suite.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "postgres/server.h"
#include "tests/support/session.h"

namespace trunkline::test {

struct SourceOptions {
  // Come after the settings that logical decoding needs, so they win.
  std::vector<std::string> settings = {};
  int tcp_port = 0;
  // A stopped server's PGDATA to begin with a copy of.
  std::string copy_of = {};
};

class Source {
 public:
  explicit Source(const SourceOptions& options = {});

  std::string conninfo(const std::string& database = "postgres") const;
  // The same as a URI: postgresql://...
  std::string uri(const std::string& database = "postgres") const;
  std::string port() const;  // also part of the socket's name
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

// A free TCP port of 127.0.0.1.
int FreePort();

}  // namespace trunkline::test
