// The server of this folder in a process of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/program.h"

namespace trunkline::test {

class S3TestServer {
 public:
  // `arguments`: those of s3_test_server. Sets this process's credentials to those that the server
  // knows. Waits until it answers, and throws when it does not.
  explicit S3TestServer(const std::vector<std::string>& arguments = {});
  const std::string& endpoint() const { return endpoint_; }
  Program& program() { return *program_; }

 private:
  std::string endpoint_;
  std::unique_ptr<Program> program_;
};

// Waits until the server of `program` answers at `endpoint`; throws when it does not.
void AwaitS3(const std::string& endpoint, Program* program);

}  // namespace trunkline::test
