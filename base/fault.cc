#include "base/fault.h"

#include <unistd.h>

#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace trunkline {
namespace {

struct Fault {
  std::string point;
  long first = 0;
  long last = 0;
  std::string action;
  std::string argument;
};

[[noreturn]] void Misunderstood(const std::string& text) {
  std::fprintf(stderr, "TRUNKLINE_FAULTS: not understood: %s\n", text.c_str());
  std::abort();
}

ErrorKind KindOf(const std::string& name) {
  for (const ErrorKind kind : {ErrorKind::kUnavailable, ErrorKind::kDenied, ErrorKind::kFailed}) {
    if (ToString(kind) == name) return kind;
  }
  Misunderstood(name);
}

Fault ParseFault(const std::string& text) {
  Fault fault;
  std::istringstream words(text);
  std::string hits;
  std::string more;
  words >> fault.point >> hits >> fault.action >> fault.argument;
  const size_t dash = hits.find('-');
  fault.first = std::atol(hits.c_str());
  fault.last = dash == std::string::npos ? fault.first
               : dash + 1 == hits.size() ? LONG_MAX
                                         : std::atol(hits.c_str() + dash + 1);
  const bool plain = fault.action == "kill" || fault.action == "wrong";
  const bool known = plain || fault.action == "fail" || fault.action == "delay";
  if (!known || plain != fault.argument.empty() || fault.first < 1 || fault.last < fault.first ||
      words >> more) {
    Misunderstood(text);
  }
  if (fault.action == "fail") KindOf(fault.argument);
  return fault;
}

// Which faults there are, and how often each point was hit.
class FaultTable {
 public:
  FaultTable() {
    const char* list = std::getenv("TRUNKLINE_FAULTS");
    std::istringstream faults(list == nullptr ? "" : list);
    for (std::string text; std::getline(faults, text, ',');) faults_.push_back(ParseFault(text));
  }

  // The faults that act at this hit of `point`, in their order.
  std::vector<Fault> Hit(std::string_view point) {
    const std::scoped_lock lock(mutex_);
    const long hit = ++hits_[std::string(point)];
    std::vector<Fault> acting;
    for (const Fault& fault : faults_) {
      if (fault.point != point || hit < fault.first || hit > fault.last) continue;
      if (fault.action != "wrong" || hit == fault.first) {
        std::fprintf(stderr, "fault: %s, hit %ld: %s %s\n", fault.point.c_str(), hit,
                     fault.action.c_str(), fault.argument.c_str());
      }
      acting.push_back(fault);
    }
    return acting;
  }

 private:
  std::vector<Fault> faults_;
  std::mutex mutex_;
  std::map<std::string, long> hits_;
};

FaultTable& Faults() {
  static FaultTable table;
  return table;
}

}  // namespace

Result<void> HitFault(std::string_view point) {
  for (const Fault& fault : Faults().Hit(point)) {
    if (fault.action == "kill") ::kill(::getpid(), SIGKILL);
    if (fault.action == "delay") {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::atol(fault.argument.c_str())));
    }
    if (fault.action == "fail") {
      return Fail(KindOf(fault.argument), "a fault injected at " + fault.point);
    }
  }
  return {};
}

bool IsFaultWrong(std::string_view point) { return !Faults().Hit(point).empty(); }

}  // namespace trunkline
