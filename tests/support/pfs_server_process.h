// PfsServerProcess: a pfs_test_server on a free port, that ends with its owner.
#pragma once

#include <string>
#include <vector>

#include "tests/support/program.h"

namespace trunkline::test {

class PfsServerProcess {
 public:
  // Further options are those of tests/pfs_server/main.cc.
  explicit PfsServerProcess(std::vector<std::string> options = {});

  // HOST:PORT
  const std::string& endpoint() const { return endpoint_; }
  // The address of a repo.
  std::string url(const std::string& repo = "archive") const {
    return "pfs://" + endpoint_ + "/" + repo + "@master";
  }
  Program& program() { return program_; }

 private:
  Program program_;
  std::string endpoint_;
};

}  // namespace trunkline::test
