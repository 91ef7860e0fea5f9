#include "tests/pfs_server/faults.h"

#include <algorithm>
#include <climits>
#include <sstream>
#include <thread>
#include <utility>

namespace trunkline::test {
namespace {

constexpr std::pair<std::string_view, RpcCode> kCodes[] = {
    {"cancelled", RpcCode::kCancelled},
    {"unknown", RpcCode::kUnknown},
    {"deadline-exceeded", RpcCode::kDeadlineExceeded},
    {"permission-denied", RpcCode::kPermissionDenied},
    {"resource-exhausted", RpcCode::kResourceExhausted},
    {"aborted", RpcCode::kAborted},
    {"unimplemented", RpcCode::kUnimplemented},
    {"internal", RpcCode::kInternal},
    {"unavailable", RpcCode::kUnavailable},
    {"unauthenticated", RpcCode::kUnauthenticated},
};

constexpr std::pair<std::string_view, FaultPoint> kPoints[] = {
    {"entry", FaultPoint::kEntry},
    {"before", FaultPoint::kBefore},
    {"after", FaultPoint::kAfter},
};

template <typename Table, typename Value>
bool Find(const Table& table, std::string_view name, Value* value) {
  for (const auto& [key, entry] : table) {
    if (key == name) {
      *value = entry;
      return true;
    }
  }
  return false;
}

bool ParseHits(const std::string& text, Fault* fault) {
  if (text.empty() || text.find_first_not_of("0123456789-") != std::string::npos) return false;
  const size_t dash = text.find('-');
  const std::string last = dash == std::string::npos ? text : text.substr(dash + 1);
  if (dash == 0 || text.size() > 9) return false;
  fault->first = std::stoi(text.substr(0, dash));
  fault->last = last.empty() ? INT_MAX : std::stoi(last);
  return true;
}

}  // namespace

void Faults::Set(Fault fault) {
  const std::scoped_lock lock(mutex_);
  armed_.push_back({std::move(fault)});
}

void Faults::Clear() {
  const std::scoped_lock lock(mutex_);
  armed_.clear();
}

Answer Faults::Hit(const std::string& method, FaultPoint point) {
  std::vector<Fault> acting;
  {
    const std::scoped_lock lock(mutex_);
    if (point == FaultPoint::kEntry) {
      const auto known = std::find_if(calls_.begin(), calls_.end(),
                                      [&](const auto& call) { return call.first == method; });
      if (known == calls_.end()) {
        calls_.emplace_back(method, 1);
      } else {
        ++known->second;
      }
    }
    for (Armed& armed : armed_) {
      if (armed.fault.method != method) continue;
      if (point == FaultPoint::kEntry) ++armed.hits;
      if (armed.fault.point == point && armed.acts()) acting.push_back(armed.fault);
    }
  }
  for (const Fault& fault : acting) {
    std::this_thread::sleep_for(fault.delay);
    if (fault.act) fault.act();
    if (!fault.answer.ok()) return fault.answer;
  }
  return {};
}

std::string Faults::FinishError(const std::string& method) {
  const std::scoped_lock lock(mutex_);
  for (const Armed& armed : armed_) {
    if (armed.fault.method == method && armed.acts() && !armed.fault.finish_error.empty()) {
      return armed.fault.finish_error;
    }
  }
  return "";
}

int Faults::calls(const std::string& method) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, count] : calls_) {
    if (name == method) return count;
  }
  return 0;
}

Result<Fault> ParseFault(std::string_view text) {
  std::istringstream words{std::string(text)};
  Fault fault;
  std::string hits;
  std::string point;
  std::string what;
  words >> fault.method >> hits >> point >> what;
  bool understood = ParseHits(hits, &fault) && Find(kPoints, point, &fault.point);
  if (what == "delay") {
    int millis = 0;
    understood = understood && (words >> millis) && millis >= 0;
    fault.delay = std::chrono::milliseconds(millis);
  } else if (what == "finish-error") {
    std::getline(words >> std::ws, fault.finish_error);
    understood = understood && !fault.finish_error.empty();
  } else {
    fault.answer.message = "as the script has it";
    understood = understood && Find(kCodes, what, &fault.answer.code);
  }
  if (understood) return fault;
  return Fail(ErrorKind::kInvalidArgument, "\"" + std::string(text) + "\" is not a fault",
              "write it as: ModifyFile 2 after unavailable");
}

}  // namespace trunkline::test
