// Repos: what a pachd keeps, in memory: projects, repos, branches, PFS commits and their files,
// with the rules of Pachyderm 2.x that its clients run into.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "archive/pfs_status.h"

namespace trunkline::test {

// As a call ends: kOk, or an error as pachd words it.
struct Answer {
  RpcCode code = RpcCode::kOk;
  std::string message = {};

  bool ok() const { return code == RpcCode::kOk; }
};

struct RepoName {
  std::string project;
  std::string repo;

  friend auto operator<=>(const RepoName&, const RepoName&) = default;
};

struct BranchName {
  RepoName repo;
  std::string branch;
  std::string type = "user";  // of the repo; "spec" for a pipeline's own spec
};

// A branch's head where `id` is empty.
struct CommitName {
  RepoName repo;
  std::string branch;
  std::string id;
};

struct StoredFile {
  std::vector<std::shared_ptr<const std::string>> pieces;
  uint64_t size = 0;
};
// By absolute path.
using StoredFiles = std::map<std::string, std::shared_ptr<const StoredFile>>;

// One step of a ModifyFile.
struct Edit {
  std::string path;
  std::shared_ptr<const std::string> added;  // null: removes the file, or the folder with all in it
};

struct CommitView {
  RepoName repo;
  std::string branch;
  std::string id;
  std::string parent;
  std::string description;
  bool automatic = false;  // not made by a user
  bool finishing = false;
  bool finished = false;
  std::string error;  // once finished
};

struct BranchView {
  std::string head;
  std::vector<BranchName> provenance;  // that it is made from
};

struct RepoOptions {
  std::chrono::milliseconds finishing_time{0};  // from FINISHING to FINISHED
  uint64_t quota_bytes = UINT64_MAX;            // of all that was ever written
};

// All methods may be called from several threads at once.
class Repos {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Repos(RepoOptions options);

  Answer CreateProject(const std::string& project);
  Answer CreateRepo(const RepoName& repo);
  Answer DeleteRepo(const RepoName& repo);
  // With provenance, a pipeline's output: its head is open, and nobody else may write it.
  Answer CreateBranch(const RepoName& repo, const std::string& branch, const std::string& head,
                      const std::vector<BranchName>& provenance);
  Answer InspectBranch(const RepoName& repo, const std::string& branch, BranchView* view) const;

  Answer StartCommit(const CommitName& branch, const std::string& description, std::string* id);
  Answer FinishCommit(const CommitName& commit, const std::string& error);
  // Waits until the PFS commit is finished where `until_finished` says so; kCancelled once
  // `is_cancelled` does.
  Answer Inspect(const CommitName& commit, bool until_finished,
                 const std::function<bool()>& is_cancelled, CommitView* view) const;
  // The first `count` PFS commits of a branch, and more as they come; until `is_cancelled`.
  Answer AwaitCommits(const CommitName& branch, size_t count,
                      const std::function<bool()>& is_cancelled,
                      std::vector<std::string>* ids) const;

  // Into the PFS commit, if it is open; else, and if it is a branch's head, into one of its own,
  // which finishes with `error`.
  Answer Modify(const CommitName& commit, const std::vector<Edit>& edits, const std::string& error);
  // What a PFS commit that is finished holds.
  Answer Files(const CommitName& commit, std::shared_ptr<const StoredFiles>* files) const;

 private:
  struct Commit {
    std::string branch;
    std::string parent;
    std::string description;
    bool automatic = false;
    bool open = true;
    Clock::time_point finished;  // once it is not open
    std::string error;
    std::shared_ptr<const StoredFiles> files;
  };
  struct Branch {
    std::string head;
    std::vector<BranchName> provenance;
    std::vector<std::string> commits;  // oldest first
  };
  // Made from its inputs by a pipeline, which a spout has none of.
  static bool IsOutput(const Branch& branch);
  struct Repo {
    std::map<std::string, Branch> branches;
    std::map<std::string, Commit> commits;
  };

  Answer FindRepo(const RepoName& name, const Repo** repo) const;
  Answer Resolve(const CommitName& name, const Repo** repo, std::string* id) const;
  // What a new PFS commit on top of `head` begins with.
  static std::shared_ptr<const StoredFiles> Base(const Repo& repo, std::string head);
  Answer Start(Repo* repo, const std::string& branch, const std::string& description,
               std::string* id);
  void Finish(Repo* repo, Commit* commit, std::string error);
  Answer Apply(const std::vector<Edit>& edits, Commit* commit);

  const RepoOptions options_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::string, bool> projects_;
  std::map<RepoName, Repo> repos_;
  uint64_t written_bytes_ = 0;
};

}  // namespace trunkline::test
