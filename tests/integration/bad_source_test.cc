// Sources and options that trunklined cannot use: what it says, and that it leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/refusal.h"
#include "tests/support/csv.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

class BadSourceTest : public testing::Test {
 protected:
  Outcome Capture(const std::string& conninfo, std::vector<std::string> arguments = {}) {
    Daemon daemon({.source = conninfo, .archive = archive(), .arguments = std::move(arguments)});
    return daemon.RunTo("now", seconds(40));
  }
  // At most the identity was written.
  void ExpectNoData() const {
    EXPECT_THAT(FilesBelow(archive()), testing::Each(std::string("identity")));
  }
  std::string archive() const { return folder_ / "archive"; }
  TempFolder folder_;
};

TEST_F(BadSourceTest, UnreachableHost) {
  ExpectRefused(Capture("host=127.0.0.1 port=1 dbname=postgres user=postgres password=secret"),
                kFailed, ContainsRegex("127\\.0\\.0\\.1|connect"));
  ExpectNoData();
}

TEST_F(BadSourceTest, ConninfoThatIsNone) {
  ExpectRefused(Capture("hots=nowhere"), kUsage, HasSubstr("hots"));
  EXPECT_FALSE(Exists(archive()));
}

TEST_F(BadSourceTest, WrongPasswordAndUnknownDatabaseAndTls) {
  const int port = FreePort();
  Source source({.settings = {}, .tcp_port = port});
  source.Connect().Do("CREATE ROLE reader LOGIN REPLICATION PASSWORD 'right'");
  source.RequirePasswords();
  const std::string tcp = "host=127.0.0.1 port=" + std::to_string(port) + " user=reader ";
  ExpectRefused(Capture(tcp + "dbname=postgres password=secret"), kFailed, HasSubstr("password"));
  ExpectRefused(Capture(tcp + "dbname=postgres"), kFailed, HasSubstr("password"));
  ExpectRefused(Capture(tcp + "dbname=postgres password=right sslmode=require"), kFailed,
                HasSubstr("SSL"));
  ExpectRefused(Capture(tcp + "dbname=nowhere password=right"), kFailed, HasSubstr("nowhere"));
  ExpectNoData();
}

TEST_F(BadSourceTest, WalLevelReplica) {
  Source source({.settings = {"wal_level = replica"}});
  source.Connect().Do(kSmallSchema);
  ExpectRefused(Capture(source.conninfo()), kFailed,
                AllOf(HasSubstr("wal_level"), HasSubstr("logical")));
  ExpectNoData();
}

TEST_F(BadSourceTest, NoPublicationNoRightNoSlotLeft) {
  Source source({.settings = {"max_replication_slots = 1"}});
  ExpectRefused(Capture(source.conninfo()), kFailed,
                AllOf(HasSubstr("publication"), HasSubstr("trunkline")));
  EXPECT_EQ(source.Connect().One("SELECT count(*) FROM pg_catalog.pg_replication_slots"), "0")
      << "a slot was made that nobody will read";
  source.Connect().Do(kSmallSchema);
  source.Connect().Do("CREATE ROLE weak LOGIN");
  ExpectRefused(Capture(source.conninfo() + " user=weak"), kFailed,
                ContainsRegex("REPLICATION|replication"));
  source.Connect().Do("SELECT pg_catalog.pg_create_physical_replication_slot('taken')");
  ExpectRefused(Capture(source.conninfo()), kFailed, HasSubstr("max_replication_slots"));
  ExpectNoData();
}

TEST_F(BadSourceTest, BadOptions) {
  const std::string binary = Binary("trunklined");
  ExpectOneLine(RunProgram({binary}), kUsage, HasSubstr("--source"));
  ExpectOneLine(RunProgram({binary, "--source", "dbname=x"}), kUsage, HasSubstr("--archive"));
  ExpectOneLine(RunProgram({binary, "--source", "dbname=x", "--archive", archive(), "--nonsense"}),
                kUsage, HasSubstr("nonsense"));
  for (const char* endpos : {"tomorrow", "0/", "G/1", "1", "-0/1", "0/123456789"}) {
    ExpectOneLine(
        RunProgram({binary, "--source", "dbname=x", "--archive", archive(), "--endpos", endpos}),
        kUsage, HasSubstr("endpos"));
  }
  ExpectOneLine(RunProgram({binary, "--source", "dbname=x", "--archive", archive(),
                            "--segment-max-age", "soon"}),
                kUsage, HasSubstr("segment-max-age"));
  ExpectOneLine(RunProgram({binary, "--source", "dbname=x", "--archive", archive(),
                            "--segment-max-bytes", "-1"}),
                kUsage, HasSubstr("segment-max-bytes"));
  ExpectOneLine(RunProgram({binary, "--source", "dbname=x", "--archive", "gopher://x"}), kUsage,
                HasSubstr("gopher"));
  EXPECT_FALSE(Exists(archive()));
}

}  // namespace
}  // namespace trunkline::test
