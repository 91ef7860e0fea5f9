#include "cli/command_description.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

namespace trunkline {
namespace {

// The type's name, and what the validators say of themselves behind it: "TEXT:{csv,table}".
struct TypeText {
  std::string name;
  std::string checks;
};

TypeText TypeOf(const CLI::Option& option) {
  const std::string text = option.get_type_name();
  const size_t colon = std::min(text.find(':'), text.size());
  return {text.substr(0, colon), text.substr(std::min(colon + 1, text.size()))};
}

bool IsNameOfCxxType(const std::string& name) {
  return name.empty() || name == "TEXT" || name == "INT" || name == "UINT" || name == "FLOAT";
}

// What stands between `open` and `close`.
std::string_view Between(std::string_view text, char open, char close) {
  const size_t begin = text.find(open);
  if (begin == std::string_view::npos) return {};
  const size_t end = text.find(close, begin);
  return end == std::string_view::npos ? std::string_view()
                                       : text.substr(begin + 1, end - begin - 1);
}

// "a|b" of the set "{a,b}", or of "{a->0,b->1}".
std::string SetOf(std::string_view checks) {
  std::string set;
  std::istringstream members{std::string(Between(checks, '{', '}'))};
  for (std::string member; std::getline(members, member, ',');) {
    set += (set.empty() ? "" : "|") + member.substr(0, member.find("->"));
  }
  return set;
}

// "1..64" of "INT in [1 - 64]".
std::string RangeOf(std::string_view checks) {
  std::string range(Between(checks, '[', ']'));
  const size_t dash = range.find(" - ");
  if (dash == std::string::npos) return {};
  return range.replace(dash, 3, "..");
}

// The type that the option's name means.
const ValueType* TypeByName(const CLI::Option& option, std::span<const ValueType> types) {
  for (const ValueType& type : types) {
    std::istringstream names{std::string(type.options)};
    for (std::string name; names >> name;) {
      if (option.check_name(name)) return &type;
    }
  }
  return nullptr;
}

std::vector<ValueForm> FormsOf(const std::string& value, std::span<const ValueType> types) {
  if (value.find("..") != std::string::npos) return {};  // a range
  for (const ValueType& type : types) {
    if (type.name == value) return ParseForms(type.forms);
  }
  return ParseForms(value);
}

std::string OnOneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

Takes TakesOf(const CLI::Option& option) {
  if (option.get_expected_max() == 0) return Takes::kNothing;
  return option.get_expected_min() == 0 ? Takes::kMaybeAValue : Takes::kAValue;
}

OptionDescription DescribeOption(const CLI::Option& option, std::span<const ValueType> types) {
  OptionDescription described;
  described.positional = option.get_lnames().empty() && option.get_snames().empty();
  if (described.positional) described.names.push_back(option.get_name(true));
  for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
  described.required = option.get_required();
  described.takes = TakesOf(option);
  described.repeated = option.get_expected_max() > 1;
  described.description = OnOneLine(option.get_description());
  described.default_value = option.get_default_str();
  described.environment = option.get_envname();
  if (described.takes == Takes::kNothing) return described;
  described.value = ShownValue(option, types);
  // A positional may be of a type that bears its name.
  const bool bears_type = described.positional && IsNameOfCxxType(described.value);
  described.forms = FormsOf(bears_type ? described.names.front() : described.value, types);
  return described;
}

// An option group is an App without a name.
std::vector<OptionDescription> OptionsOf(const CLI::App& app, std::span<const ValueType> types) {
  const bool is_group = app.get_name().empty();
  std::vector<OptionDescription> options;
  for (const CLI::Option* option : app.get_options()) {
    const bool of_parent = is_group && option == app.get_help_ptr();
    if (option->get_group().empty() || of_parent) continue;
    options.push_back(DescribeOption(*option, types));
  }
  return options;
}

void AddGroup(const CLI::App& group, std::span<const ValueType> types, CommandDescription* to) {
  std::vector<OptionDescription> options = OptionsOf(group, types);
  to->options.insert(to->options.end(), options.begin(), options.end());
  if (group.get_require_option_min() > 0) to->one_of.push_back(std::move(options));
}

}  // namespace

std::string ShownValue(const CLI::Option& option, std::span<const ValueType> types) {
  const TypeText type = TypeOf(option);
  if (!IsNameOfCxxType(type.name)) return type.name;
  if (const std::string set = SetOf(type.checks); !set.empty()) return set;
  if (const std::string range = RangeOf(type.checks); !range.empty()) return range;
  if (type.checks == "DIR" || type.checks == "FILE") return type.checks;
  const ValueType* meant = TypeByName(option, types);
  if (meant != nullptr) return std::string(meant->name);
  return type.name.empty() ? "TEXT" : type.name;
}

CommandDescription Describe(const CLI::App& app, std::span<const ValueType> types) {
  CommandDescription described{.name = app.get_name(),
                               .description = OnOneLine(app.get_description()),
                               .footer = app.get_footer(),
                               .options = OptionsOf(app, types),
                               .one_of = {},
                               .commands = {}};
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (child->get_name().empty()) {
      AddGroup(*child, types, &described);
    } else if (!child->get_group().empty()) {  // else it is hidden
      described.commands.push_back(Describe(*child, types));
    }
  }
  return described;
}

}  // namespace trunkline
