#include "tests/support/source.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/support/files.h"
#include "tests/support/must.h"
#include "tests/support/program.h"

namespace trunkline::test {

Source::Source(const SourceOptions& options) {
  postgres::ServerOptions server;
  server.settings = {"wal_level = logical",
                     "max_wal_senders = 12",
                     "max_replication_slots = 12",
                     "max_prepared_transactions = 12",
                     "fsync = off",
                     "full_page_writes = off",
                     "autovacuum = off",
                     "max_wal_size = 4GB",
                     "shared_buffers = 128MB",
                     "log_line_prefix = '%m [%p] %a '"};
  server.settings.insert(server.settings.end(), options.settings.begin(), options.settings.end());
  server.parent_directory = TempParent();
  server.tcp_port = options.tcp_port;
  server.copy_of = options.copy_of;
  server.bin_directory = options.bin_directory;
  server_ = Must(postgres::Server::Start(server));
}

std::string Source::conninfo(const std::string& database) const {
  return server_->conninfo(database);
}

std::string Source::uri(const std::string& database) const {
  return "postgresql://postgres@/" + database + "?host=" + server_->folder() + "&port=" + port();
}

std::string Source::port() const {
  const std::string keywords = conninfo("postgres");
  const size_t port = keywords.find("port=") + 5;
  return keywords.substr(port, keywords.find(' ', port) - port);
}

int Source::major() const { return MajorOf(tool("postgres")); }

Session Source::Connect(const std::string& database) const { return Session(conninfo(database)); }

std::string Source::NewDatabase(const std::string& name, const std::string& sql) {
  Connect().Do("CREATE DATABASE " + postgres::QuoteIdentifier(name));
  if (!sql.empty()) Connect(name).Do(sql);
  return conninfo(name);
}

void Source::DropSlots(const std::string& database) {
  Session session = Connect();
  const std::string literal = postgres::QuoteLiteral(database);
  session.Do(
      "SELECT pg_catalog.pg_terminate_backend(pid, 10000) FROM pg_catalog.pg_stat_activity "
      "WHERE datname = " +
      literal + " AND pid <> pg_catalog.pg_backend_pid()");
  session.Do(
      "SELECT pg_catalog.pg_drop_replication_slot(slot_name) "
      "FROM pg_catalog.pg_replication_slots WHERE database = " +
      literal);
}

void Source::DropDatabase(const std::string& name) {
  DropSlots(name);
  Connect().Do("DROP DATABASE " + postgres::QuoteIdentifier(name));
}

void Source::RequirePasswords() {
  WriteFile(server_->folder() + "/data/pg_hba.conf",
            "local all all trust\nlocal replication all trust\n"
            "host all all 127.0.0.1/32 scram-sha-256\n"
            "host replication all 127.0.0.1/32 scram-sha-256\n");
  Connect().Do("SELECT pg_catalog.pg_reload_conf()");
}

std::string Source::log() const {
  std::string text;
  for (const std::string& name : FilesBelow(server_->folder())) {
    if (name.find("log") == 0 && name.find('/') == std::string::npos) {
      text += ReadFile(server_->folder() + "/" + name);
    }
  }
  return text;
}

std::string Source::tool(const std::string& name) const {
  return server_->bin_directory() + "/" + name;
}

std::unique_ptr<Source> MakeStandby(Source* primary, int tcp_port) {
  const std::string signal = primary->data() + "/standby.signal";
  Must(primary->server().Stop(false));
  WriteFile(signal, "");
  const std::string conninfo = "host=" + primary->server().folder() + " port=" + primary->port();
  auto standby = std::make_unique<Source>(
      SourceOptions{.settings = {"primary_conninfo = '" + conninfo + " user=postgres'",
                                 "hot_standby_feedback = on", "wal_retrieve_retry_interval = 100"},
                    .tcp_port = tcp_port,
                    .copy_of = primary->data()});
  std::filesystem::remove(signal);
  Must(primary->server().Restart({}));
  return standby;
}

// Each says "pg_dump (PostgreSQL) 15.18".
int MajorOf(const std::string& program) {
  std::istringstream words(RunProgram({program, "--version"}).out);
  std::string name;
  std::string product;
  int major = 0;
  words >> name >> product >> major;
  if (major == 0) throw std::runtime_error(program + " does not tell its version");
  return major;
}

std::string OtherBinDirectory() {
  const char* set = std::getenv("TRUNKLINE_PG_BINDIR");
  const std::string here = set == nullptr ? "" : set;
  unsetenv("TRUNKLINE_PG_BINDIR");
  auto other = postgres::FindBinDirectory();
  if (!here.empty()) setenv("TRUNKLINE_PG_BINDIR", here.c_str(), 1);
  return Must(std::move(other));
}

int FreePort() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(socket_fd, generic, size) != 0 || getsockname(socket_fd, generic, &size) != 0) {
    throw std::runtime_error("no free TCP port");
  }
  close(socket_fd);
  return ntohs(address.sin_port);
}

}  // namespace trunkline::test
