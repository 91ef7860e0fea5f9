// The faulty network that other tests stand on.
#include "tests/support/proxy.h"

#include <gtest/gtest.h>

#include "tests/support/program.h"
#include "tests/support/source.h"

namespace trunkline::test {
namespace {

using postgres::Connection;
using postgres::Mode;

class ProxyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    port_ = FreePort();
    source_ = std::make_unique<Source>(SourceOptions{.settings = {}, .tcp_port = port_});
  }
  static void TearDownTestSuite() { source_.reset(); }

  Result<Connection> Open() {
    return Connection::Open(proxy_.conninfo() + " dbname=postgres user=postgres connect_timeout=2",
                            Mode::kNormal, "proxy_test");
  }

  static int port_;
  static std::unique_ptr<Source> source_;
  Proxy proxy_{port_};
};
int ProxyTest::port_ = 0;
std::unique_ptr<Source> ProxyTest::source_;

TEST_F(ProxyTest, PassesOnWhatIsLargeAndCloses) {
  Result<Connection> connection = Open();
  ASSERT_TRUE(connection) << connection.error().ToString();
  const auto rows = connection->Exec("SELECT repeat('x', 5000000), pg_catalog.pg_backend_pid()");
  ASSERT_TRUE(rows) << rows.error().ToString();
  EXPECT_EQ(rows->at(0, 0).size(), 5'000'000U);
  const std::string pid(rows->at(0, 1));
  *connection = Open().value();
  EXPECT_TRUE(Eventually(seconds(5), [&] {
    return source_->Connect().One("SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE pid = " +
                                  pid) == "0";
  })) << "the server was not told of the end";
  EXPECT_EQ(proxy_.accepted(), 2);
}

TEST_F(ProxyTest, CutsAndTakesNewConnections) {
  Result<Connection> connection = Open();
  ASSERT_TRUE(connection) << connection.error().ToString();
  proxy_.Cut();
  EXPECT_FALSE(connection->Exec("SELECT 1").has_value());
  EXPECT_TRUE(Open().has_value());
}

TEST_F(ProxyTest, SwallowsAllThatIsSentUntilItOpensAgain) {
  Result<Connection> connection = Open();
  ASSERT_TRUE(connection) << connection.error().ToString();
  proxy_.BlackHole(true);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_FALSE(Open().has_value());
  EXPECT_GE(std::chrono::steady_clock::now() - begun, seconds(1)) << "somebody said no";
  std::jthread later([this] {
    std::this_thread::sleep_for(milliseconds(300));
    proxy_.BlackHole(false);
  });
  EXPECT_TRUE(connection->Exec("SELECT 1").has_value());
}

TEST_F(ProxyTest, DelaysBothWays) {
  Result<Connection> connection = Open();
  ASSERT_TRUE(connection) << connection.error().ToString();
  proxy_.Delay(milliseconds(100));
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(connection->Exec("SELECT 1").has_value());
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(200));
}

}  // namespace
}  // namespace trunkline::test
