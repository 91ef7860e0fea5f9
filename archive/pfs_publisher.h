// PfsPublisher: how objects get into a branch of PFS, and what happens where two writers meet.
//
// All objects of one Put go into one PFS commit, which PFS makes whole or not at all. It counts
// once it is FINISHED without an error. Whether it was made is never guessed: where the answer is
// lost or tells nothing, the branch is waited for and looked at.
//
// PFS has no conditional write. So a writer looks whether it may write, uploads everything, looks
// again at the last moment at which it can still take all back, lets PFS make the commit, and then
// looks at the history of the branch, which has one order for all:
//   - Who has a name first keeps it. The second one writes the first one's bytes back, from the PFS
//   commit
//     that has them, and reports kAlreadyExists; so does the first one, should it see it sooner.
//   - Who finds its conditions broken at its own place in the history removes what it wrote, and
//   reports so.
// So of two rivals exactly one succeeds, and what was acknowledged stays. What remains is the time
// from the last look to the end of the repair, some round trips, or longer where the process is
// stopped just there: if a rival commits before us within it, and we die before our repair, the
// branch keeps what we wrote. Two segments with one beginning, or a name whose bytes are not the
// first writer's, are then an error of every reader and of trunkline verify, never silence.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "archive/pfs_client.h"
#include "archive/pfs_history.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

// One thread at a time.
class PfsPublisher {
 public:
  // `client` lives longer.
  explicit PfsPublisher(const PfsClient* client) : client_(client) {}

  // As Store::Put and Store::Remove. Names are paths that PFS takes. The result is a PFS commit in
  // which all of it can be seen; empty where there is none yet.
  Result<std::string> Put(std::span<const NewObject> objects);
  Result<std::string> Remove(std::span<const std::string> names);

 private:
  // What has to be undone of a PFS commit of ours that came second.
  struct Repair {
    struct Original {
      std::string name;
      std::string commit;  // where its bytes are
    };
    std::vector<std::string> withdrawn;
    std::vector<Original> restored;

    bool empty() const { return withdrawn.empty() && restored.empty(); }
  };
  struct Verdict {
    Result<void> result;
    Repair repair;
  };

  // Those objects that have to be written; an error where one may not be.
  Result<std::vector<NewObject>> Missing(std::span<const NewObject> objects,
                                         const PfsLook& look) const;
  Result<void> CheckConditions(const NewObject& object, std::span<const NewObject> before,
                               const PfsLook& look) const;
  // What became of `written`, which the attempt that ended with `outcome` was to add after `base`.
  Result<std::string> Settle(std::span<const NewObject> objects, std::span<const NewObject> written,
                             const std::string& base, PfsOutcome outcome);
  Result<Verdict> Judge(std::span<const NewObject> objects, std::span<const NewObject> written,
                        const PfsHistory& history, const std::string& base,
                        const std::string& readable, const PfsOutcome& outcome) const;
  Result<void> JudgeConditions(const NewObject& object, std::span<const NewObject> own,
                               const std::string& commit) const;
  Result<Repair> RepairOf(std::span<const NewObject> written, const PfsHistory& history,
                          const std::string& base) const;
  Result<void> CarryOutRepair();

  const PfsClient* const client_;
  Repair repair_;  // what is left of it is tried again ahead of all else
};

}  // namespace trunkline
