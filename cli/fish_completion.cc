#include <string_view>

#include "cli/completion.h"
#include "cli/shell_tables.h"

namespace trunkline {
namespace {

constexpr char kFishHead[] = R"fish(# fish completion of PROGRAM: PROGRAM completion fish | source

# What can follow of the forms given; fish leaves out what does not fit.
function __PROGRAM_offer
    set -l value (string replace -r -- '^--[^=]*=' '' (commandline -ct))
    for form in $argv
        set -l literal (string replace -r -- '@(dir|file)$' '' $form)
        set -l start (string sub -l (string length -- "$literal") -- "$value")
        if test "$form" = "$literal" -o "$start" != "$literal"
            printf '%s\n' "$literal"
            continue
        end
        set -l rest (string sub -s (math (string length -- "$literal") + 1) -- "$value")
        if string match -q -- '*@dir' $form
            __fish_complete_directories "$rest" '' | string replace -r '^' -- "$literal"
        else
            __fish_complete_path "$rest" '' | string replace -r '^' -- "$literal"
        end
    end
end

complete -c PROGRAM -f
)fish";

std::string FishQuote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

// Where the command at `path` has been named, and for the program none of its commands.
std::string Condition(const std::string& path) {
  if (path.empty()) return " -n __fish_use_subcommand";
  std::string condition;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find(' ', begin), path.size());
    condition += (condition.empty() ? "" : "; and ") +
                 ("__fish_seen_subcommand_from " + path.substr(begin, end - begin));
    begin = end + 1;
  }
  return " -n " + FishQuote(condition);
}

std::string Names(const OptionDescription& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  return names;
}

std::string Offer(const OptionDescription& option) {
  const std::string words = FormWords(option.forms);
  return words.empty() ? "" : " -a " + FishQuote("(__PROGRAM_offer " + words + ")");
}

std::string Option(const std::string& path, const OptionDescription& option) {
  std::string line = "complete -c PROGRAM" + Condition(path);
  if (option.positional) return Offer(option).empty() ? "" : line + Offer(option) + "\n";
  line += Names(option);
  if (option.takes == Takes::kAValue) line += " -x" + Offer(option);
  return line + " -d " + FishQuote(option.description) + "\n";
}

}  // namespace

std::string FishCompletion(const CommandDescription& program) {
  std::string script = kFishHead;
  ForEachCommand(program, [&](const std::string& path, const CommandDescription& command) {
    script += "\n";
    for (const CommandDescription& sub : command.commands) {
      script += "complete -c PROGRAM" + Condition(path) + " -a " + sub.name + " -d " +
                FishQuote(sub.description) + "\n";
    }
    for (const OptionDescription& option : command.options) script += Option(path, option);
  });
  return ForProgram(std::move(script), program.name);
}

}  // namespace trunkline
