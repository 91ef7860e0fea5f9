#include "cli/shell_tables.h"

namespace trunkline {
namespace {

void Walk(const CommandDescription& command, const std::string& path,
          const std::function<void(const std::string&, const CommandDescription&)>& visit) {
  visit(path, command);
  for (const CommandDescription& sub : command.commands) {
    Walk(sub, path.empty() ? sub.name : path + " " + sub.name, visit);
  }
}

std::string Patterns(const std::string& path, const OptionDescription& option, size_t position) {
  if (option.positional) {
    return ShellQuote(path + "/" + (option.repeated ? "" : std::to_string(position))) +
           (option.repeated ? "*" : "");
  }
  std::string patterns;
  for (const std::string& name : option.names) {
    patterns += (patterns.empty() ? "" : " | ") + ShellQuote(path + "/" + name);
  }
  return patterns;
}

std::string_view TakesWord(Takes takes) {
  switch (takes) {
    case Takes::kNothing:
      return "0";
    case Takes::kMaybeAValue:
      return "maybe";
    case Takes::kAValue:
      break;
  }
  return "1";
}

}  // namespace

std::string ShellQuote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

void ForEachCommand(
    const CommandDescription& program,
    const std::function<void(const std::string&, const CommandDescription&)>& visit) {
  Walk(program, "", visit);
}

std::string FormWords(const std::vector<ValueForm>& forms) {
  std::string words;
  for (const ValueForm& form : forms) {
    std::string word = form.literal;
    if (form.follows == Follows::kFile) word += "@file";
    if (form.follows == Follows::kDirectory) word += "@dir";
    if (word.empty()) continue;  // nothing can be offered
    words += (words.empty() ? "" : " ") + ShellQuote(word);
  }
  return words;
}

std::string SyntaxFunction(const std::string& name, const CommandDescription& program) {
  std::string cases;
  ForEachCommand(program, [&](const std::string& path, const CommandDescription& command) {
    size_t position = 0;
    for (const OptionDescription& option : command.options) {
      if (option.positional) ++position;
      cases += "    " + Patterns(path, option, position) +
               ") takes=" + std::string(TakesWord(option.takes)) + " forms=(" +
               FormWords(option.forms) + ") ;;\n";
    }
  });
  return name + "() {\n  forms=() takes=0\n  case $1/$2 in\n" + cases +
         "    *) return 1 ;;\n  esac\n}\n";
}

std::string ForProgram(std::string text, const std::string& program) {
  constexpr std::string_view kPlaceholder = "PROGRAM";
  for (size_t at = 0; (at = text.find(kPlaceholder, at)) != std::string::npos;) {
    text.replace(at, kPlaceholder.size(), program);
    at += program.size();
  }
  return text;
}

}  // namespace trunkline
