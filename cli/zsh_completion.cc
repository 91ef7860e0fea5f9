#include "cli/completion.h"
#include "cli/shell_tables.h"

namespace trunkline {
namespace {

constexpr char kZshHead[] = R"zsh(#compdef PROGRAM
# zsh completion of PROGRAM: source <(PROGRAM completion zsh)

)zsh";

constexpr char kZshEngine[] = R"zsh(
# Offers what of forms can follow; the text of a form in front of a path stays as it is.
_PROGRAM_offer() {
  local form literal
  for form in "$forms[@]"; do
    literal=${form%@*}
    if [[ $form == *@* && $PREFIX == "$literal"* ]]; then
      [[ -z $literal ]] || compset -P "$literal"
      if [[ $form == *@dir ]]; then _path_files -/; else _path_files; fi
      [[ -z $literal ]] || return 0
    elif [[ $literal == *[:/] ]]; then
      compadd -S '' -- "$literal"
    else
      compadd -- "$literal"
    fi
  done
}

_PROGRAM() {
  local -a forms options commands
  local takes command='' due='' ended='' word
  integer position=1
  for word in "${(@)words[2,CURRENT-1]}"; do
    if [[ -n $due ]] && ! [[ $takes == maybe && $word == -* ]]; then
      due=
    elif [[ -z $ended && $word == -- ]]; then
      ended=1 due=
    elif [[ -z $ended && $word == -* ]]; then
      due=
      [[ $word != --*=* ]] && _PROGRAM_syntax "$command" "$word" && [[ $takes != 0 ]] && due=$word
    elif _PROGRAM_names "${command:+$command }$word"; then
      command=${command:+$command }$word
    else
      position+=1
    fi
  done
  _PROGRAM_names "$command"
  if [[ -n $due ]] && ! [[ $takes == maybe && $PREFIX == -* ]]; then
    _PROGRAM_syntax "$command" "$due"
    _PROGRAM_offer
  elif [[ -z $ended && $PREFIX == --*=* ]]; then
    _PROGRAM_syntax "$command" "${PREFIX%%=*}" && compset -P '*=' && _PROGRAM_offer
  elif [[ -z $ended && $PREFIX == -* ]]; then
    _describe -o option options
  else
    (( $#commands )) && _describe command commands
    _PROGRAM_syntax "$command" "$position" && _PROGRAM_offer
  fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _PROGRAM "$@"
else
  compdef _PROGRAM PROGRAM
fi
)zsh";

// "name:what it is", as _describe takes it.
std::string Described(const std::string& name, const std::string& description) {
  return ShellQuote(name + ":" + description);
}

// The shell function that sets `options` and `commands` to those of a command, described; it fails
// for what is no command.
std::string ZshNamesFunction(const CommandDescription& program) {
  std::string cases;
  ForEachCommand(program, [&](const std::string& path, const CommandDescription& command) {
    cases += "    " + ShellQuote(path) + ")\n      options=(\n";
    for (const OptionDescription& option : command.options) {
      if (option.positional) continue;
      for (const std::string& name : option.names) {
        cases += "        " + Described(name, option.description) + "\n";
      }
    }
    cases += "      )\n      commands=(\n";
    for (const CommandDescription& sub : command.commands) {
      cases += "        " + Described(sub.name, sub.description) + "\n";
    }
    cases += "      ) ;;\n";
  });
  return "_PROGRAM_names() {\n  case $1 in\n" + cases + "    *) return 1 ;;\n  esac\n}\n";
}

}  // namespace

std::string ZshCompletion(const CommandDescription& program) {
  return ForProgram(kZshHead + SyntaxFunction("_PROGRAM_syntax", program) + "\n" +
                        ZshNamesFunction(program) + kZshEngine,
                    program.name);
}

}  // namespace trunkline
