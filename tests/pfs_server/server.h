// PfsServer: a server of Pachyderm's file system API for tests, as far as pfs.proto has it. It
// behaves as pachd 2.x does where a client could come to harm: content is appended, an open head
// takes in what is written, FINISHING takes time, a PFS commit can finish with an error. What it
// keeps is lost with it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "tests/pfs_server/faults.h"
#include "tests/pfs_server/repos.h"

namespace trunkline::test {

struct PfsServerOptions {
  RepoOptions repos = {};
  // Without any, everybody may do everything.
  std::string token = {};         // may do everything
  std::string reader_token = {};  // may read
  // PEM; without them there is no TLS.
  std::string certificate = {};
  std::string private_key = {};
};

class PfsServer {
 public:
  explicit PfsServer(PfsServerOptions options = {});
  ~PfsServer();
  PfsServer(const PfsServer&) = delete;
  PfsServer& operator=(const PfsServer&) = delete;

  // Listens on HOST:PORT; port 0 is a free one. A server that was stopped has kept everything.
  Result<void> Start(const std::string& address);
  // Breaks off what calls are under way.
  void Stop();
  uint16_t port() const { return port_; }

  Faults& faults() { return faults_; }
  Repos& repos() { return repos_; }

 private:
  struct Running;

  const PfsServerOptions options_;
  Faults faults_;
  Repos repos_;
  uint16_t port_ = 0;
  std::unique_ptr<Running> running_;
};

}  // namespace trunkline::test
