// Man pages, in the man macros that groff and mandoc know.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/command_description.h"

namespace trunkline {

struct Manual {
  std::string section;  // "1", "8"
  std::string version;  // "0.1.0"
  std::span<const ValueType> types;
};

struct ManPage {
  std::string name;  // of the file: "trunkline-replay.1"
  std::string text;
};

// The page of a program, and one of each of its commands.
std::vector<ManPage> ManPages(const CommandDescription& program, const Manual& manual);

}  // namespace trunkline
