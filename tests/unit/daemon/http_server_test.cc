#include "daemon/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/http.h"

namespace trunkline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::HttpAnswer;
using test::HttpConnection;
using test::HttpGet;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<HttpServer>> started = HttpServer::Start(
        {"127.0.0.1", 0},
        {{"/good", [] { return HttpReply{.body = "all is well\n"}; }},
         {"/bad", [] { return HttpReply{.status = 503, .body = "it is not\n"}; }},
         {"/large", [] { return HttpReply{.body = std::string(8 << 20, 'x')}; }}});
    ASSERT_TRUE(started) << started.error().ToString();
    server_ = *std::move(started);
    port_ = server_->address().port;
  }
  HttpAnswer Ask(const std::string& request) {
    HttpConnection connection(port_);
    connection.Send(request);
    return connection.Receive();
  }

  std::unique_ptr<HttpServer> server_;
  int port_ = 0;
};

TEST_F(HttpServerTest, AnswersItsPathsAndNoOthers) {
  EXPECT_EQ(HttpGet(port_, "/good").status, 200);
  EXPECT_EQ(HttpGet(port_, "/good").body, "all is well\n");
  EXPECT_EQ(HttpGet(port_, "/good?x=1").status, 200);
  EXPECT_EQ(HttpGet(port_, "/bad").status, 503);
  EXPECT_EQ(HttpGet(port_, "/bad").body, "it is not\n");
  for (const char* path : {"/", "/goods", "/good/", "/../etc/passwd"}) {
    EXPECT_EQ(HttpGet(port_, path).status, 404) << path;
  }
  const HttpAnswer head = Ask("HEAD /good HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(Ask("POST /good HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx").status, 404);
}

TEST_F(HttpServerTest, ALargeAnswerArrivesWhole) {
  EXPECT_EQ(HttpGet(port_, "/large").body.size(), size_t{8} << 20);
}

TEST_F(HttpServerTest, ServesManyAtOnce) {
  std::atomic<int> answered{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([&] {
        for (int j = 0; j < 25; ++j) answered += HttpGet(port_, "/good").status == 200 ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(answered, 200);
}

// They send a byte now and then, so that no timeout of a single read would end them.
TEST_F(HttpServerTest, SlowClientsGiveWayToOthers) {
  std::vector<std::unique_ptr<HttpConnection>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<HttpConnection>(port_));
    slow.back()->Send("GET /good HTTP/1.1\r\nX: ");
  }
  const std::jthread drip([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (const auto& connection : slow) connection->Send("x");
      std::this_thread::sleep_for(milliseconds(100));
    }
  });
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(HttpGet(port_, "/good").status, 200);
}

TEST_F(HttpServerTest, ARequestThatIsTooLongOrNoneAtAllIsDropped) {
  const std::string lines = "GET /good HTTP/1.1\r\nHost: x\r\n";
  EXPECT_NE(Ask(lines + "X: " + std::string(100'000, 'x') + "\r\n\r\n").status, 200);
  EXPECT_NE(Ask("GET /" + std::string(100'000, 'x') + " HTTP/1.1\r\n\r\n").status, 200);
  std::string many = lines;
  for (int i = 0; i < 10'000; ++i) many += "a: b\r\n";
  EXPECT_NE(Ask(many + "\r\n").status, 200);
  EXPECT_NE(Ask(std::string("\x16\x03\x01\0\r\n\r\n", 8)).status, 200);
  // What is matched with regular expressions, as long as it may be.
  std::string ranges = "Range: bytes=0-1";
  while (ranges.size() < 3900) ranges += ",0-1";
  Ask(lines + ranges + "\r\n\r\n");
  EXPECT_EQ(HttpGet(port_, "/good").status, 200);
}

TEST_F(HttpServerTest, EndsAtOnceWhateverIsUnderWay) {
  HttpConnection idle(port_);
  HttpConnection half(port_);
  half.Send("GET /go");
  HttpConnection unread(port_);
  unread.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(100));
  const Clock::time_point begun = Clock::now();
  server_.reset();
  EXPECT_LT(Clock::now() - begun, seconds(2));
  EXPECT_EQ(half.Receive().status, 0);
  EXPECT_EQ(HttpGet(port_, "/good").status, 0);
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  const auto taken = HttpServer::Start(server_->address(), {});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, ErrorKind::kFailed);
  EXPECT_THAT(taken.error().message, HasSubstr("127.0.0.1:" + std::to_string(port_)));
  EXPECT_THAT(taken.error().hint, HasSubstr("--http"));
  const auto foreign = HttpServer::Start({"192.0.2.1", 0}, {});  // of no network there is
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().hint, HasSubstr("interface"));
}

TEST_F(HttpServerTest, APortIsFreeAgainAtOnce) {
  const HttpAddress address = server_->address();
  EXPECT_EQ(HttpGet(port_, "/good").status, 200);
  server_.reset();
  const auto again = HttpServer::Start(address, {});
  EXPECT_TRUE(again) << again.error().ToString();
}

}  // namespace
}  // namespace trunkline
