// The program's logger: standard error, one line a message, UTC. Row values are never logged.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

namespace trunkline {

// Sets the default spdlog logger up; call once, from main. `level` is one of trace, debug, info,
// warn, error.
void InitLogging(std::string_view program, std::string_view level);

}  // namespace trunkline
