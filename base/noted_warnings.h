// NotedWarnings: what the logger says at level warn and above, for a result that a program reads.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace trunkline {

// Listens while it lives; everything is logged all the same. To be made and destroyed while no
// other thread logs.
class NotedWarnings {
 public:
  NotedWarnings();
  ~NotedWarnings();
  NotedWarnings(const NotedWarnings&) = delete;
  NotedWarnings& operator=(const NotedWarnings&) = delete;

  // So far, in their order, each without time and level.
  std::vector<std::string> lines() const;

 private:
  class Sink;
  std::shared_ptr<Sink> sink_;
};

}  // namespace trunkline
