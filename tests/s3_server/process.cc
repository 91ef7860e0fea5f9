#include "tests/s3_server/process.h"

#include <stdexcept>
#include <utility>

#include "archive/store.h"
#include "tests/s3_server/server.h"
#include "tests/support/must.h"
#include "tests/support/source.h"

namespace trunkline::test {

void AwaitS3(const std::string& endpoint, Program* program) {
  const std::unique_ptr<Store> store = Must(OpenStore(S3Url(endpoint, "await")));
  const auto answers = [&] { return store->List("").has_value(); };
  const auto settled = [&] { return !program->running() || answers(); };
  if (Eventually(seconds(30), settled) && answers()) return;
  throw std::runtime_error("the server of S3 does not answer: " + program->ErrorSoFar());
}

S3TestServer::S3TestServer(const std::vector<std::string>& arguments) {
  UseS3Credentials();
  const std::string port = std::to_string(FreePort());
  std::vector<std::string> command = {TRUNKLINE_S3_TEST_SERVER, "--port", port};
  command.insert(command.end(), arguments.begin(), arguments.end());
  endpoint_ = "http://127.0.0.1:" + port;
  program_ = std::make_unique<Program>(std::move(command));
  AwaitS3(endpoint_, program_.get());
}

}  // namespace trunkline::test
