// PfsAdmin: calls of Pachyderm's API that Trunkline itself does not make, of any server.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/pfs_address.h"
#include "archive/pfs_status.h"

namespace trunkline::test {

class PfsAdmin {
 public:
  PfsAdmin(PfsAddress address, const PfsCredentials& credentials);
  ~PfsAdmin();
  PfsAdmin(const PfsAdmin&) = delete;
  PfsAdmin& operator=(const PfsAdmin&) = delete;

  RpcCode CreateRepo();
  RpcCode DeleteRepo();
  // The branch, as one whose PFS commits are made from those of `input`.
  RpcCode CreateOutputBranch(const PfsAddress& input);
  // The same for a spout, which has no inputs. A real pachd makes such branches by itself alone.
  RpcCode CreateSpoutBranch();
  RpcCode StartCommit(std::string* id);
  RpcCode FinishCommit(const std::string& id, const std::string& error);

  // Content to append to a file, or nothing to remove it.
  using Edit = std::pair<std::string, std::optional<std::string>>;
  // Into the PFS commit, or where `commit` is empty into what the branch's head says.
  RpcCode Modify(const std::string& commit, const std::vector<Edit>& edits);
  std::optional<std::string> Content(const std::string& path);
  // Paths, those of folders with a '/' at the end.
  std::vector<std::string> ListFolder(const std::string& path);
  std::vector<std::string> Glob(const std::string& pattern);
  // The next `count` PFS commits that are finished.
  std::vector<std::string> Subscribe(const std::string& from, size_t count);

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace trunkline::test
