// What libpq's conninfo takes, the daemon takes: TLS, password and service files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/integration/refusal.h"
#include "tests/support/csv.h"
#include "tests/support/exact_state.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::ContainsRegex;

// A key and a certificate for the host localhost, signed by itself.
void MakeCertificate(const TempFolder& folder, const std::string& name) {
  const Outcome made = RunProgram(
      {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
       "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
       "-keyout", folder / (name + ".key"), "-out", folder / (name + ".crt")});
  if (made.exit_code != 0) throw std::runtime_error(made.err);
}

// Writes the file as the server's own user: a server wants to own its key, and nobody else to read
// it.
void GiveToServer(Session& session, const std::string& content, const std::string& path) {
  session.Do("COPY (SELECT pg_catalog.unnest(pg_catalog.string_to_array(" +
             postgres::QuoteLiteral(content) + ", E'\\n'))) TO " + postgres::QuoteLiteral(path));
  using std::filesystem::perms;
  std::filesystem::permissions(path, perms::owner_read | perms::owner_write);
}

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    MakeCertificate(folder_, "server");
    MakeCertificate(folder_, "stranger");
    Session session = source_.Connect();
    const std::string data = source_.server().folder() + "/data/";
    GiveToServer(session, ReadFile(folder_ / "server.crt"), data + "server.crt");
    GiveToServer(session, ReadFile(folder_ / "server.key"), data + "server.key");
    session.Do("ALTER SYSTEM SET ssl = on");
    session.Do("CREATE ROLE reader LOGIN REPLICATION PASSWORD 'right'");
    session.Do("GRANT pg_read_all_data TO reader");
    session.Do("CREATE PUBLICATION trunkline FOR ALL TABLES");
    source_.RequirePasswords();  // reloads the settings, sooner or later
    const std::string tls = "host=127.0.0.1 port=" + std::to_string(port_) +
                            " dbname=postgres user=reader password=right sslmode=require";
    const auto offered = [&] {
      return postgres::Connection::Open(tls, postgres::Mode::kNormal, "test").has_value();
    };
    if (!Eventually(seconds(30), offered)) throw std::runtime_error("the server offers no TLS");
  }

  // Verifies the server's certificate; the rest comes from files that the environment names.
  std::string conninfo(const std::string& authority) const {
    return "service=shop sslmode=verify-full sslrootcert=" + (folder_ / authority);
  }

  std::map<std::string, std::string> Environment() const {
    const std::string port = std::to_string(port_);
    WriteFile(folder_ / "services", "[shop]\nhost=localhost\nhostaddr=127.0.0.1\nport=" + port +
                                        "\ndbname=postgres\nuser=reader\n");
    WriteFile(folder_ / "passwords", "localhost:" + port + ":*:reader:right\n");
    const Outcome chmod = RunProgram({"chmod", "600", folder_ / "passwords"});
    EXPECT_EQ(chmod.exit_code, 0) << chmod;
    return {{"PGSERVICEFILE", folder_ / "services"}, {"PGPASSFILE", folder_ / "passwords"}};
  }

  TempFolder folder_;
  const int port_ = FreePort();
  Source source_{{.settings = {}, .tcp_port = port_}};
};

TEST_F(ConnectionTest, ServiceFilePasswordFileAndVerifiedTls) {
  Daemon daemon({.source = conninfo("server.crt"),
                 .archive = folder_ / "archive",
                 .environment = Environment()});
  daemon.Start();
  daemon.AwaitSnapshot();
  Session session = source_.Connect();
  EXPECT_EQ(session.One("SELECT count(*) > 0 AND pg_catalog.bool_and(s.ssl) "
                        "FROM pg_catalog.pg_stat_ssl s "
                        "JOIN pg_catalog.pg_stat_activity a ON a.pid = s.pid "
                        "WHERE a.application_name = 'trunklined'"),
            "t");
  // Rows larger than a TLS record, and many of them in one go.
  session.Do("CREATE TABLE public.large (id integer PRIMARY KEY, v text)");
  session.Do(
      "INSERT INTO public.large SELECT g, pg_catalog.repeat(pg_catalog.md5(g::text), 1 + g % 2000) "
      "FROM pg_catalog.generate_series(1, 3000) g");
  const ExactState state = TakeExactState(source_.conninfo(), "trunkline");
  daemon.AwaitEnd(state.lsn);
  const Outcome stopped = daemon.Stop();
  EXPECT_EQ(stopped.exit_code, 0) << stopped;

  const Outcome outcome =
      Trunkline({"replay", daemon.archive(), "--at", "lsn:" + state.lsn.ToString(), "--to",
                 "csv:" + (folder_ / "csv")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_EQ(FolderDifference(state.tables, folder_ / "csv"), "");
}

TEST_F(ConnectionTest, AServerThatIsNotTheOneItShouldBe) {
  Daemon daemon({.source = conninfo("stranger.crt"),
                 .archive = folder_ / "archive",
                 .environment = Environment()});
  ExpectRefused(daemon.RunTo("now", seconds(40)), kFailed, ContainsRegex("certificate"));
  EXPECT_FALSE(Exists(daemon.archive() + "/identity"));
}

}  // namespace
}  // namespace trunkline::test
