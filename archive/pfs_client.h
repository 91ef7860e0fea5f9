// PfsClient: the calls of Pachyderm's API that the PFS store consists of, on one branch. Nothing is
// decided here but deadlines; the only place that sees gRPC.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/byte_source.h"
#include "archive/pfs_address.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

struct PfsCommit {
  enum class State { kOpen, kFinishing, kFinished };

  std::string id;
  std::string parent;  // its id; empty for a branch's first one
  std::string branch;  // empty where the server does not tell
  State state = State::kOpen;
  std::string error;  // of one that is finished: its data do not count
};

struct PfsNewFile {
  std::string path;
  const ByteSource* content = nullptr;  // not owned
};

struct PfsOutcome {
  Result<void> result;
  // Whether the PFS commit may be there, though `result` is an error.
  bool may_have_happened = false;
};

// Connects when first called, and again after a loss. All methods may be called from several
// threads at once; each has a deadline, and a connection that is silent is given up within 40 s.
// Errors are those of PfsError. Paths are as objects are named, without a leading '/'.
class PfsClient {
 public:
  PfsClient(PfsAddress address, const PfsCredentials& credentials);
  ~PfsClient();
  PfsClient(const PfsClient&) = delete;
  PfsClient& operator=(const PfsClient&) = delete;

  const PfsAddress& address() const;

  // The branch's newest PFS commit. kNotFound: the project, repo or branch is not there.
  Result<PfsCommit> Head() const;
  Result<PfsCommit> Inspect(const std::string& commit) const;
  // Waits until the PFS commit is finished, perhaps with an error; kUnavailable after five minutes.
  Result<PfsCommit> AwaitFinished(const std::string& commit) const;
  // Whether a pipeline writes the branch from its inputs, and nobody else may.
  Result<bool> IsOutputBranch() const;

  // Files whose path starts with `prefix`, in the byte order of paths.
  Result<std::vector<ObjectInfo>> List(const std::string& commit, std::string_view prefix) const;
  // kNotFound when there is no such file.
  Result<uint64_t> Size(const std::string& commit, const std::string& path) const;
  // Fills `buffer`; kTruncated when the file ends before.
  Result<void> Read(const std::string& commit, const std::string& path, uint64_t offset,
                    char* buffer, size_t length) const;

  // Makes project and repo where they are not there.
  Result<void> CreatePlace() const;
  // Makes one PFS commit that removes `removed` and holds `added`, whatever stood there. Once all
  // is sent, and before the server may act, `last_look` is called; its error gives the whole up.
  // Memory does not grow with the files' sizes. On return the PFS commit need not be finished.
  PfsOutcome Modify(std::span<const std::string> removed, std::span<const PfsNewFile> added,
                    const std::function<Result<void>()>& last_look) const;

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace trunkline
