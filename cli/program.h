// Program: what both programs' command lines have in common: how they are parsed and refused, and
// what they tell of themselves.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "cli/value_form.h"

namespace CLI {
class App;
}  // namespace CLI

namespace trunkline {

struct Program {
  std::string version;         // "0.1.0"
  std::string manual_section;  // "1", "8"
  std::span<const ValueType> types;
};

// Adds --version, the command `completion SHELL` that prints a completion script, and the hidden
// one `manual DIR` that writes man pages and completions as they are installed; refuses empty
// values of types that have none. To be called once all options and commands are there; `app`, and
// what `program` refers to, outlive the parsing.
void AddSelfDescription(CLI::App* app, const Program& program);

// Nothing where the program is to run. Else its exit code, all being said: 0 for what the command
// line asks of the program itself (--help, completion), 2 for one that is wrong.
std::optional<int> ParseArguments(CLI::App* app, int argc, const char* const* argv);

}  // namespace trunkline
