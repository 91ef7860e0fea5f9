#include "tests/pfs_server/repos.h"

#include <algorithm>
#include <random>
#include <utility>

#include "archive/pfs_object.h"

namespace trunkline::test {
namespace {

constexpr std::chrono::milliseconds kCancelPoll{20};

std::string NewId() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 32; ++i) id += "0123456789abcdef"[random() & 15];
  return id;
}

Answer NotFound(const std::string& what) { return {RpcCode::kNotFound, what + " not found"}; }

std::string Text(const RepoName& name) { return name.project + "/" + name.repo; }

bool Erase(StoredFiles* files, const std::string& path) {
  return std::erase_if(*files, [&](const auto& file) {
           return file.first == path || file.first.starts_with(path + "/");
         }) > 0;
}

// What is both a file and a folder.
std::string Collision(const StoredFiles& files) {
  for (const auto& [path, file] : files) {
    const auto below = files.lower_bound(path + "/");
    if (below != files.end() && below->first.starts_with(path + "/")) return path;
  }
  return "";
}

}  // namespace

Repos::Repos(RepoOptions options) : options_(options) { projects_["default"] = true; }

Answer Repos::CreateProject(const std::string& project) {
  const std::scoped_lock lock(mutex_);
  if (!projects_.emplace(project, true).second) {
    return {RpcCode::kAlreadyExists, "project " + project + " already exists"};
  }
  return {};
}

Answer Repos::CreateRepo(const RepoName& name) {
  const std::scoped_lock lock(mutex_);
  if (!projects_.contains(name.project)) return NotFound("project \"" + name.project + "\"");
  if (!repos_.emplace(name, Repo{}).second) {
    return {RpcCode::kAlreadyExists, "repo " + Text(name) + " already exists"};
  }
  return {};
}

Answer Repos::DeleteRepo(const RepoName& name) {
  const std::scoped_lock lock(mutex_);
  return repos_.erase(name) > 0 ? Answer{} : NotFound("repo " + Text(name));
}

Answer Repos::FindRepo(const RepoName& name, const Repo** repo) const {
  const auto found = repos_.find(name);
  if (found == repos_.end()) return NotFound("repo " + Text(name));
  *repo = &found->second;
  return {};
}

Answer Repos::Resolve(const CommitName& name, const Repo** repo, std::string* id) const {
  if (Answer answer = FindRepo(name.repo, repo); !answer.ok()) return answer;
  if (!name.id.empty()) {
    *id = name.id;
    return (*repo)->commits.contains(*id) ? Answer{} : NotFound("commit " + name.id);
  }
  const auto branch = (*repo)->branches.find(name.branch);
  if (branch == (*repo)->branches.end()) {
    return NotFound("branch \"" + name.branch + "\"");
  }
  *id = branch->second.head;
  return {};
}

bool Repos::IsOutput(const Branch& branch) {
  return std::any_of(branch.provenance.begin(), branch.provenance.end(),
                     [](const BranchName& input) { return input.type != "spec"; });
}

Answer Repos::CreateBranch(const RepoName& name, const std::string& branch_name,
                           const std::string& head, const std::vector<BranchName>& provenance) {
  const std::scoped_lock lock(mutex_);
  const Repo* found = nullptr;
  if (Answer answer = FindRepo(name, &found); !answer.ok()) return answer;
  Repo& repo = repos_.at(name);
  Branch& branch = repo.branches[branch_name];
  branch.provenance = provenance;
  if (!head.empty()) {
    if (!repo.commits.contains(head)) return NotFound("commit " + head);
    branch.head = head;
  } else if (branch.head.empty()) {
    branch.head = NewId();
    branch.commits.push_back(branch.head);
    Commit& commit = repo.commits[branch.head];
    commit.branch = branch_name;
    commit.automatic = true;
    commit.files = std::make_shared<StoredFiles>();
    commit.open = IsOutput(branch);
    commit.finished = Clock::now();
  }
  changed_.notify_all();
  return {};
}

Answer Repos::InspectBranch(const RepoName& name, const std::string& branch,
                            BranchView* view) const {
  const std::scoped_lock lock(mutex_);
  const Repo* repo = nullptr;
  if (Answer answer = FindRepo(name, &repo); !answer.ok()) return answer;
  const auto found = repo->branches.find(branch);
  if (found == repo->branches.end()) return NotFound("branch \"" + branch + "\"");
  *view = {found->second.head, found->second.provenance};
  return {};
}

std::shared_ptr<const StoredFiles> Repos::Base(const Repo& repo, std::string head) {
  while (!head.empty()) {
    const Commit& commit = repo.commits.at(head);
    if (commit.error.empty()) return commit.files;
    head = commit.parent;
  }
  return std::make_shared<StoredFiles>();
}

Answer Repos::Start(Repo* repo, const std::string& branch_name, const std::string& description,
                    std::string* id) {
  Branch& branch = repo->branches[branch_name];
  if (IsOutput(branch)) {
    return {RpcCode::kUnknown, "cannot start a commit on an output branch: " + branch_name};
  }
  if (!branch.head.empty() && repo->commits.at(branch.head).open) {
    return {RpcCode::kUnknown, "parent commit " + branch.head + " has not been finished"};
  }
  *id = NewId();
  Commit& commit = repo->commits[*id];
  commit.branch = branch_name;
  commit.parent = branch.head;
  commit.description = description;
  commit.files = Base(*repo, branch.head);
  branch.head = *id;
  branch.commits.push_back(*id);
  changed_.notify_all();
  return {};
}

void Repos::Finish(Repo* repo, Commit* commit, std::string error) {
  const std::string collision = Collision(*commit->files);
  if (error.empty() && !collision.empty()) {
    error = "file / directory path collision (" + collision + ")";
  }
  commit->error = std::move(error);
  commit->open = false;
  commit->finished = Clock::now() + options_.finishing_time;
  if (!commit->parent.empty()) {
    commit->finished = std::max(commit->finished, repo->commits.at(commit->parent).finished);
  }
  changed_.notify_all();
}

Answer Repos::StartCommit(const CommitName& name, const std::string& description, std::string* id) {
  const std::scoped_lock lock(mutex_);
  const Repo* repo = nullptr;
  if (Answer answer = FindRepo(name.repo, &repo); !answer.ok()) return answer;
  return Start(&repos_.at(name.repo), name.branch, description, id);
}

Answer Repos::FinishCommit(const CommitName& name, const std::string& error) {
  const std::scoped_lock lock(mutex_);
  const Repo* found = nullptr;
  std::string id;
  if (Answer answer = Resolve(name, &found, &id); !answer.ok()) return answer;
  Repo& repo = repos_.at(name.repo);
  Commit& commit = repo.commits.at(id);
  if (!commit.open) return {RpcCode::kUnknown, "commit " + id + " has already finished"};
  Finish(&repo, &commit, error);
  return {};
}

Answer Repos::Inspect(const CommitName& name, bool until_finished,
                      const std::function<bool()>& is_cancelled, CommitView* view) const {
  std::unique_lock lock(mutex_);
  const Repo* repo = nullptr;
  std::string id;
  if (Answer answer = Resolve(name, &repo, &id); !answer.ok()) return answer;
  while (true) {
    if (Answer answer = Resolve({name.repo, "", id}, &repo, &id); !answer.ok()) return answer;
    const Commit& commit = repo->commits.at(id);
    const auto now = Clock::now();
    const bool finished = !commit.open && commit.finished <= now;
    if (finished || !until_finished) {
      *view = {.repo = name.repo,
               .branch = commit.branch,
               .id = id,
               .parent = commit.parent,
               .description = commit.description,
               .automatic = commit.automatic,
               .finishing = !commit.open,
               .finished = finished,
               .error = finished ? commit.error : ""};
      return {};
    }
    if (is_cancelled()) return {RpcCode::kCancelled, "cancelled"};
    const auto poll = now + kCancelPoll;
    changed_.wait_until(lock, commit.open ? poll : std::min(poll, commit.finished));
  }
}

Answer Repos::AwaitCommits(const CommitName& name, size_t count,
                           const std::function<bool()>& is_cancelled,
                           std::vector<std::string>* ids) const {
  std::unique_lock lock(mutex_);
  while (true) {
    const Repo* repo = nullptr;
    if (Answer answer = FindRepo(name.repo, &repo); !answer.ok()) return answer;
    const auto branch = repo->branches.find(name.branch);
    if (branch != repo->branches.end() && branch->second.commits.size() > count) {
      *ids = branch->second.commits;
      return {};
    }
    if (is_cancelled()) return {RpcCode::kCancelled, "cancelled"};
    changed_.wait_for(lock, kCancelPoll);
  }
}

Answer Repos::Apply(const std::vector<Edit>& edits, Commit* commit) {
  auto files = std::make_shared<StoredFiles>(*commit->files);
  uint64_t written = 0;
  for (const Edit& edit : edits) {
    if (edit.added == nullptr) {
      Erase(files.get(), edit.path);
      continue;
    }
    auto file = std::make_shared<StoredFile>();
    std::shared_ptr<const StoredFile>& place = (*files)[edit.path];
    if (place != nullptr) *file = *place;
    if (!edit.added->empty()) file->pieces.push_back(edit.added);
    file->size += edit.added->size();
    written += edit.added->size();
    place = std::move(file);
  }
  if (written > options_.quota_bytes - std::min(options_.quota_bytes, written_bytes_)) {
    return {RpcCode::kResourceExhausted, "object storage: quota exceeded"};
  }
  written_bytes_ += written;
  commit->files = std::move(files);
  return {};
}

Answer Repos::Modify(const CommitName& name, const std::vector<Edit>& edits,
                     const std::string& error) {
  for (const Edit& edit : edits) {
    if (!CheckPfsPath(edit.path.substr(std::min<size_t>(1, edit.path.size())))) {
      return {RpcCode::kInvalidArgument, "path (" + edit.path + ") invalid"};
    }
  }
  const std::scoped_lock lock(mutex_);
  const Repo* found = nullptr;
  if (Answer answer = FindRepo(name.repo, &found); !answer.ok()) return answer;
  Repo& repo = repos_.at(name.repo);
  std::string id;
  const Answer resolved = Resolve(name, &found, &id);
  if (resolved.ok() && repo.commits.at(id).open && !IsOutput(repo.branches[name.branch])) {
    return Apply(edits, &repo.commits.at(id));
  }
  if (!name.id.empty()) {
    return resolved.ok() ? Answer{RpcCode::kUnknown, "commit " + id + " has already finished"}
                         : resolved;
  }
  // All of it or nothing.
  Commit trial;
  trial.files = resolved.ok() ? Base(repo, id) : std::make_shared<StoredFiles>();
  if (Answer answer = Apply(edits, &trial); !answer.ok()) return answer;
  if (Answer answer = Start(&repo, name.branch, "", &id); !answer.ok()) return answer;
  Commit& commit = repo.commits.at(id);
  commit.files = trial.files;
  Finish(&repo, &commit, error);
  return {};
}

Answer Repos::Files(const CommitName& name, std::shared_ptr<const StoredFiles>* files) const {
  const std::scoped_lock lock(mutex_);
  const Repo* repo = nullptr;
  std::string id;
  if (Answer answer = Resolve(name, &repo, &id); !answer.ok()) return answer;
  const Commit& commit = repo->commits.at(id);
  if (commit.open || commit.finished > Clock::now()) {
    return {RpcCode::kUnavailable, "commit " + id + " not finished"};
  }
  if (!commit.error.empty()) {
    return {RpcCode::kUnknown, "commit " + id + " finished with an error"};
  }
  *files = commit.files;
  return {};
}

}  // namespace trunkline::test
