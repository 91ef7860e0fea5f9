// PfsRig: a server in this process, whose faults a test sets, and stores on one branch of it.
#pragma once

#include <memory>
#include <string>

#include "archive/pfs_store.h"
#include "tests/pfs_server/server.h"
#include "tests/support/must.h"

namespace trunkline::test {

class PfsRig {
 public:
  explicit PfsRig(PfsServerOptions options = {}) : server_(std::move(options)) {
    Must(server_.Start("127.0.0.1:0"));
  }

  PfsAddress address(const std::string& scheme = "pfs") const {
    return Must(ParsePfsAddress(scheme + "://127.0.0.1:" + std::to_string(server_.port()) +
                                "/archive@master"));
  }
  std::unique_ptr<Store> Connect(const std::string& token = {}) const {
    return NewPfsStore(address(), {.token = token});
  }

  PfsServer& server() { return server_; }
  Faults& faults() { return server_.faults(); }
  Repos& repos() { return server_.repos(); }
  // The branch, as the server's own calls take it.
  static CommitName branch() { return {{"default", "archive"}, "master", ""}; }

 private:
  PfsServer server_;
};

}  // namespace trunkline::test
