// What `trunkline replay --json` prints once a state is rebuilt: docs/json.md.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "replay/state.h"

namespace trunkline {

struct ReplayResult {
  std::string archive;      // its address without secrets
  std::string asked;        // the target, as the user named it
  std::string destination;  // as the user named it; of a server nothing but its kind is printed
  std::string database;     // that was made or filled; empty: none
  std::vector<std::string> warnings;
  std::chrono::duration<double> seconds{};
};

std::string ToJson(const ReplayResult& result, const DatabaseState& state);

}  // namespace trunkline
