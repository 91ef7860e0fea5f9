#include "tests/unit/stores/s3rver.h"

#include <unistd.h>

#include "tests/s3_server/process.h"
#include "tests/s3_server/server.h"
#include "tests/support/source.h"

namespace trunkline {
namespace {

std::string Module() { return std::string(TRUNKLINE_S3RVER) + "/node_modules/@20minutes/s3rver"; }

// Ends with this process, however that ends.
std::string Script(const std::string& folder, int port) {
  const std::string module = "'" + Module() + "'";
  return "const S3rver = require(" + module + ");" + "const Account = require(" + module +
         " + '/lib/models/account');" + "new Account('tests', 'tests').createKeyPair('" +
         test::kS3AccessKey + "', '" + test::kS3SecretKey + "');" +
         "setInterval(() => { if (process.ppid !== " + std::to_string(getpid()) +
         ") process.exit(); }, 500);" + "new S3rver({directory: '" + folder +
         "', address: '127.0.0.1', port: " + std::to_string(port) +
         ", silent: true, vhostBuckets: false, " + "configureBuckets: [{name: '" + test::kS3Bucket +
         "'}]}).run();";
}

}  // namespace

bool S3rver::fetched() { return test::Exists(Module() + "/package.json"); }

S3rver::S3rver() {
  test::UseS3Credentials();
  const int port = test::FreePort();
  endpoint_ = "http://127.0.0.1:" + std::to_string(port);
  program_ = std::make_unique<test::Program>(
      std::vector<std::string>{"node", "-e", Script(folder_.path(), port)});
  test::AwaitS3(endpoint_, program_.get());
}

}  // namespace trunkline
