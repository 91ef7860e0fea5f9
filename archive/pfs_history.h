// PfsHistory: the PFS commits of a branch, and which of them came first. PFS has no conditional
// write; what takes its place is the order of its history, which all writers see alike.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/pfs_client.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

// A branch at one instant. All empty while the branch is not there.
struct PfsLook {
  std::string head;      // of the branch, finished
  std::string readable;  // the newest PFS commit that is finished without an error; may be empty
  std::string error;     // of the head
};

// The branch as readers see it: waits for nothing.
Result<PfsLook> LookForReading(const PfsClient& client);
// The branch as a writer has to see it: waits until its head is finished. kUnavailable where
// somebody's PFS commit is open, since what we write would go into it; kInvalidArgument where a
// pipeline or another branch owns it.
Result<PfsLook> LookForWriting(const PfsClient& client);

// The size of an object; nothing where there is none, or no PFS commit.
Result<std::optional<uint64_t>> SizeAt(const PfsClient& client, const std::string& commit,
                                       const std::string& name);
// Whether the object is there with these bytes.
Result<bool> HasContent(const PfsClient& client, const std::string& commit,
                        const NewObject& object);
// An object that starts with `prefix` and is none of `own`; empty where there is none.
Result<std::string> OtherObject(const PfsClient& client, const std::string& commit,
                                const std::string& prefix, std::span<const NewObject> own);

class PfsHistory {
 public:
  // The PFS commits that came after `base`, up to `head`, both of them finished.
  static Result<PfsHistory> Between(const PfsClient* client, const std::string& base,
                                    const std::string& head);

  // Without those that finished with an error, oldest first.
  const std::vector<std::string>& commits() const { return commits_; }
  // Of the oldest one with an error: "PFS commit ID: ERROR"; empty where there is none.
  const std::string& error() const { return error_; }

  // Where in commits() the object that is there now, or was there last, came to be: who is there
  // first keeps the name, until it is removed. Nothing where none has it.
  Result<std::optional<size_t>> CameWith(const std::string& name) const;
  // The first that holds all of these with just these bytes.
  Result<std::optional<size_t>> FirstWithAll(std::span<const NewObject> objects) const;

 private:
  explicit PfsHistory(const PfsClient* client) : client_(client) {}

  const PfsClient* client_;
  std::vector<std::string> commits_;
  std::string error_;
};

}  // namespace trunkline
