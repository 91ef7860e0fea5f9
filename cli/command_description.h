// CommandDescription: a command line as plain data, read off CLI11's App. What man pages and
// completions are made from.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/value_form.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace trunkline {

enum class Takes { kNothing, kMaybeAValue, kAValue };

struct OptionDescription {
  std::vector<std::string> names{};  // "-c", "--command"; of a positional just "ARCHIVE"
  bool positional = false;
  bool required = false;
  bool repeated = false;
  Takes takes = Takes::kNothing;
  std::string value{};  // how its value is written: "TARGET", "csv|table", "1..64"
  std::string description{};
  std::string default_value{};  // empty: none that the option itself knows
  std::string environment{};    // the variable that it is taken from
  std::vector<ValueForm> forms{};
};

struct CommandDescription {
  std::string name{};  // "trunkline", "replay"
  std::string description{};
  std::string footer{};
  std::vector<OptionDescription> options{};              // in the order of the help
  std::vector<std::vector<OptionDescription>> one_of{};  // options of which one is required
  std::vector<CommandDescription> commands{};
};

// What the help hides is left out. `types` are the names of values that several options share.
CommandDescription Describe(const CLI::App& app, std::span<const ValueType> types);

// How the help writes the value of an option that takes one: OptionDescription::value.
std::string ShownValue(const CLI::Option& option, std::span<const ValueType> types);

}  // namespace trunkline
