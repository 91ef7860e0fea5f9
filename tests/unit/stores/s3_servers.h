// Servers of S3 in processes of their own, for the tests of this folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/program.h"

namespace trunkline {

// The program of tests/s3_server. Constructors wait until the server answers, and throw when it
// does not.
class S3TestServer {
 public:
  explicit S3TestServer(const std::vector<std::string>& arguments = {});
  const std::string& endpoint() const { return endpoint_; }

 private:
  std::string endpoint_;
  std::unique_ptr<test::Program> program_;
};

// What tests/s3rver/fetch.sh fetched. It knows the keys that UseS3Credentials sets.
class S3rver {
 public:
  static bool fetched();
  S3rver();
  const std::string& endpoint() const { return endpoint_; }

 private:
  test::TempFolder folder_;
  std::string endpoint_;
  std::unique_ptr<test::Program> program_;
};

}  // namespace trunkline
