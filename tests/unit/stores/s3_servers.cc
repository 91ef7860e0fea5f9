#include "tests/unit/stores/s3_servers.h"

#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "archive/store.h"
#include "tests/s3_server/server.h"
#include "tests/support/source.h"

namespace trunkline {
namespace {

using test::Program;

std::string NodeModules() { return std::string(TRUNKLINE_S3RVER) + "/node_modules"; }

void Await(const std::string& endpoint, Program* server) {
  test::UseS3Credentials();
  const auto store = OpenStore(test::S3Url(endpoint, "await"));
  if (store &&
      test::Eventually(test::seconds(30),
                       [&] { return !server->running() || (*store)->List("").has_value(); }) &&
      server->running()) {
    return;
  }
  throw std::runtime_error("the server of S3 does not answer: " + server->ErrorSoFar());
}

std::string Endpoint(int port) { return "http://127.0.0.1:" + std::to_string(port); }

}  // namespace

S3TestServer::S3TestServer(const std::vector<std::string>& arguments) {
  const int port = test::FreePort();
  std::vector<std::string> command = {TRUNKLINE_S3_TEST_SERVER, "--port", std::to_string(port)};
  command.insert(command.end(), arguments.begin(), arguments.end());
  endpoint_ = Endpoint(port);
  program_ = std::make_unique<Program>(std::move(command));
  Await(endpoint_, program_.get());
}

bool S3rver::fetched() { return test::Exists(NodeModules() + "/@20minutes/s3rver/package.json"); }

S3rver::S3rver() {
  const int port = test::FreePort();
  endpoint_ = Endpoint(port);
  const std::string script = "const S3rver = require('" + NodeModules() +
                             "/@20minutes/s3rver');"
                             "const Account = require('" +
                             NodeModules() +
                             "/@20minutes/s3rver/lib/models/account');"
                             "new Account('tests', 'tests').createKeyPair('" +
                             test::kS3AccessKey + "', '" + test::kS3SecretKey +
                             "');"
                             "new S3rver({directory: '" +
                             folder_.path() +
                             "', address: '127.0.0.1', port: " + std::to_string(port) +
                             ", silent: true, vhostBuckets: false,"
                             "configureBuckets: [{name: '" +
                             test::kS3Bucket +
                             "'}]}).run();"
                             "setInterval(() => { if (process.ppid !== " +
                             std::to_string(getpid()) + ") process.exit(); }, 500);";
  program_ = std::make_unique<Program>(std::vector<std::string>{"node", "-e", script});
  Await(endpoint_, program_.get());
}

}  // namespace trunkline
