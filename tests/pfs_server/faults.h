// Faults: what goes wrong with the calls of a server, by script.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tests/pfs_server/repos.h"

namespace trunkline::test {

enum class FaultPoint {
  kEntry,   // ahead of all else; of a ModifyFile, before its stream is read
  kBefore,  // before the deed, with all that it takes at hand
  kAfter,   // after the deed: the answer is lost
};

struct Fault {
  std::string method;  // as in the API: "ModifyFile"
  FaultPoint point = FaultPoint::kBefore;
  int first = 1;  // counts the calls of the method from when the fault was set
  int last = 1;
  Answer answer = {};                   // instead of what it would be, if not kOk
  std::chrono::milliseconds delay{0};   // slept first
  std::function<void()> act = nullptr;  // done next
  std::string finish_error = {};        // with which a ModifyFile's PFS commit finishes
};

class Faults {
 public:
  void Set(Fault fault);
  void Clear();
  // What the call in progress comes to at `point`; sleeps and acts. Errors are answers.
  Answer Hit(const std::string& method, FaultPoint point);
  // How the PFS commit of the ModifyFile in progress is to finish.
  std::string FinishError(const std::string& method);
  // How often `method` was called.
  int calls(const std::string& method) const;

 private:
  struct Armed {
    Fault fault;
    int hits = 0;
    bool acts() const { return hits >= fault.first && hits <= fault.last; }
  };

  mutable std::mutex mutex_;
  std::vector<Armed> armed_;
  std::vector<std::pair<std::string, int>> calls_;
};

// "METHOD HITS POINT WHAT": HITS as "2", "2-4" or "2-"; POINT entry, before or after; WHAT a code
// such as unavailable, or "delay MILLIS", or "finish-error WORDS".
Result<Fault> ParseFault(std::string_view text);

}  // namespace trunkline::test
