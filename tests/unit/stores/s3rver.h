// S3rver: the server of S3 that tests/s3rver/fetch.sh fetched.
#pragma once

#include <memory>
#include <string>

#include "tests/support/files.h"
#include "tests/support/program.h"

namespace trunkline {

class S3rver {
 public:
  static bool fetched();
  // It knows the bucket and the keys of tests/s3_server. Waits until it answers, and throws when it
  // does not.
  S3rver();
  const std::string& endpoint() const { return endpoint_; }

 private:
  test::TempFolder folder_;
  std::string endpoint_;
  std::unique_ptr<test::Program> program_;
};

}  // namespace trunkline
