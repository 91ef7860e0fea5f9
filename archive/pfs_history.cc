#include "archive/pfs_history.h"

#include <algorithm>
#include <utility>

#include "archive/pfs_object.h"

namespace trunkline {
namespace {

// More PFS commits than others make while one is being written.
constexpr size_t kMaxCommits = 1000;

bool IsMissing(const Error& error) { return error.kind == ErrorKind::kNotFound; }

tl::unexpected<Error> TooMany(const PfsClient& client) {
  return Fail(ErrorKind::kUnavailable,
              "the last " + std::to_string(kMaxCommits) + " PFS commits of " +
                  client.address().place() + " do not tell what became of ours",
              "look with pachctl list commit who else writes there");
}

// The newest at or before `commit` that readers see.
Result<std::string> NewestReadable(const PfsClient& client, PfsCommit commit) {
  for (size_t i = 0; i < kMaxCommits; ++i) {
    if (commit.state == PfsCommit::State::kFinished && commit.error.empty()) return commit.id;
    if (commit.parent.empty()) return std::string();
    ASSIGN_OR_RETURN(commit, client.Inspect(commit.parent));
  }
  return TooMany(client);
}

Result<void> CheckOwner(const PfsClient& client, const PfsCommit& head) {
  constexpr char kHint[] = "name a branch that is the archive's own";
  const std::string place = client.address().place();
  if (!head.branch.empty() && head.branch != client.address().branch) {
    return Fail(ErrorKind::kInvalidArgument,
                "the head of " + place + " is a PFS commit of the branch " + head.branch, kHint);
  }
  ASSIGN_OR_RETURN(const bool is_output, client.IsOutputBranch());
  if (!is_output) return {};
  return Fail(ErrorKind::kInvalidArgument, place + " is the output of a pipeline", kHint);
}

}  // namespace

Result<PfsLook> LookForReading(const PfsClient& client) {
  Result<PfsCommit> head = client.Head();
  if (!head && IsMissing(head.error())) return PfsLook{};
  if (!head) return Fail(std::move(head).error());
  ASSIGN_OR_RETURN(std::string readable, NewestReadable(client, *head));
  return PfsLook{head->id, std::move(readable), head->error};
}

Result<PfsLook> LookForWriting(const PfsClient& client) {
  Result<PfsCommit> head = client.Head();
  if (!head && IsMissing(head.error())) return PfsLook{};
  if (!head) return Fail(std::move(head).error());
  TRY(CheckOwner(client, *head));
  const std::string place = client.address().place();
  if (head->state == PfsCommit::State::kOpen) {
    return Fail(ErrorKind::kUnavailable,
                "somebody has the PFS commit " + head->id + " of " + place + " open",
                "what is written now would become a part of it: pachctl finish commit " + place);
  }
  if (head->state == PfsCommit::State::kFinishing) head = client.AwaitFinished(head->id);
  if (!head) return Fail(std::move(head).error());
  ASSIGN_OR_RETURN(std::string readable, NewestReadable(client, *head));
  return PfsLook{head->id, std::move(readable), head->error};
}

Result<std::optional<uint64_t>> SizeAt(const PfsClient& client, const std::string& commit,
                                       const std::string& name) {
  if (commit.empty()) return std::optional<uint64_t>();
  const Result<uint64_t> size = client.Size(commit, name);
  if (size) return std::optional<uint64_t>(*size);
  if (IsMissing(size.error())) return std::optional<uint64_t>();
  return Fail(size.error());
}

Result<bool> HasContent(const PfsClient& client, const std::string& commit,
                        const NewObject& object) {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeAt(client, commit, object.name));
  if (!size.has_value()) return false;
  return SameContent(*NewPfsObject(&client, commit, object.name, *size), *object.content);
}

Result<std::string> OtherObject(const PfsClient& client, const std::string& commit,
                                const std::string& prefix, std::span<const NewObject> own) {
  if (commit.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> present, client.List(commit, prefix));
  for (const ObjectInfo& other : present) {
    const bool ours = std::any_of(
        own.begin(), own.end(), [&](const NewObject& object) { return object.name == other.name; });
    if (!ours) return other.name;
  }
  return std::string();
}

Result<PfsHistory> PfsHistory::Between(const PfsClient* client, const std::string& base,
                                       const std::string& head) {
  PfsHistory history(client);
  for (std::string id = head; id != base && !id.empty();) {
    if (history.commits_.size() == kMaxCommits) return TooMany(*client);
    ASSIGN_OR_RETURN(PfsCommit commit, client->Inspect(id));
    if (commit.error.empty()) {
      history.commits_.push_back(id);
    } else {
      history.error_ = "PFS commit " + id + ": " + commit.error;
    }
    id = std::move(commit.parent);
  }
  std::reverse(history.commits_.begin(), history.commits_.end());
  return history;
}

Result<std::optional<size_t>> PfsHistory::CameWith(const std::string& name) const {
  std::optional<size_t> came;
  for (size_t i = commits_.size(); i-- > 0;) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeAt(*client_, commits_[i], name));
    if (size.has_value()) {
      came = i;
    } else if (came.has_value()) {
      break;
    }
  }
  return came;
}

Result<std::optional<size_t>> PfsHistory::FirstWithAll(std::span<const NewObject> objects) const {
  for (size_t i = 0; i < commits_.size(); ++i) {
    bool all = true;
    for (const NewObject& object : objects) {
      if (!all) break;
      ASSIGN_OR_RETURN(all, HasContent(*client_, commits_[i], object));
    }
    if (all) return std::optional<size_t>(i);
  }
  return std::optional<size_t>();
}

}  // namespace trunkline
