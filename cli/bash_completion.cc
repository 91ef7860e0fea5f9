#include "cli/completion.h"
#include "cli/shell_tables.h"

namespace trunkline {
namespace {

constexpr char kHead[] = R"bash(# bash completion of PROGRAM: source <(PROGRAM completion bash)

)bash";

// Readline cuts words at ':' and '=', and replaces what is behind the last of them only.
constexpr char kEngine[] = R"bash(
# The words up to the cursor as the program would get them; cut is what readline leaves as it is.
_PROGRAM_words() {
  local line=$COMP_LINE word i
  words=() cut=
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((i > 0)) && [[ $line != [[:blank:]]* ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    line=${line#"${line%%[![:blank:]]*}"}
    line=${line#"$word"}
  done
  [[ $word != *[!:=]* ]] && word=
  cut=${words[${#words[@]} - 1]%"$word"}
}

# Files, or with -d folders, whose names begin with the text typed so far, quoted as that is.
_PROGRAM_paths() {
  local typed=$2 literal=$3 open='' path
  if [[ $typed == [\"\']* ]]; then
    open=${typed:0:1} typed=${typed:1}
  else
    typed=${typed//\\/}
  fi
  while IFS= read -r path; do
    [[ -d ${path/#\~\//$HOME/} ]] && path+=/
    if [[ -z $open ]]; then
      printf -v path %q "$path"
      path=${path/#\\\~/\~}
    fi
    COMPREPLY+=("$literal$path")
  done < <(compgen "$1" -- "$typed")
}

# What of forms begins with VALUE, each with BEFORE in front.
_PROGRAM_offer() {
  local value=$1 before=$2 form literal kind
  for form in "${forms[@]}"; do
    literal=${form%@*} kind=-f
    [[ $form == *@dir ]] && kind=-d
    if [[ $form == *@* && $value == "$literal"* ]]; then
      _PROGRAM_paths "$kind" "${value#"$literal"}" "$before$literal"
    elif [[ $literal == "$value"* ]]; then
      COMPREPLY+=("$before$literal")
    fi
  done
}

_PROGRAM() {
  local words cut options commands forms takes command='' due='' ended='' position=1 word i current
  COMPREPLY=()
  _PROGRAM_words
  current=${words[${#words[@]} - 1]}
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    word=${words[i]}
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
      position=$((position + 1))
    fi
  done
  _PROGRAM_names "$command"
  if [[ -n $due ]] && ! [[ $takes == maybe && $current == -* ]]; then
    _PROGRAM_syntax "$command" "$due"
    _PROGRAM_offer "$current" ''
  elif [[ -z $ended && $current == --*=* ]]; then
    _PROGRAM_syntax "$command" "${current%%=*}" && _PROGRAM_offer "${current#*=}" "${current%%=*}="
  elif [[ -z $ended && $current == -* ]]; then
    forms=("${options[@]}")
    _PROGRAM_offer "$current" ''
  else
    _PROGRAM_syntax "$command" "$position"
    forms+=("${commands[@]}")
    _PROGRAM_offer "$current" ''
  fi
  for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$cut"}; done
  if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[:/] ]]; then
    compopt -o nospace 2>/dev/null
  fi
  return 0
}

complete -F _PROGRAM PROGRAM
)bash";

// The shell function that sets `options` and `commands` to the names of a command's; it fails for
// what is no command.
std::string NamesFunction(const CommandDescription& program) {
  std::string cases;
  ForEachCommand(program, [&](const std::string& path, const CommandDescription& command) {
    std::string options;
    for (const OptionDescription& option : command.options) {
      if (option.positional) continue;
      for (const std::string& name : option.names) options += (options.empty() ? "" : " ") + name;
    }
    std::string commands;
    for (const CommandDescription& sub : command.commands) {
      commands += (commands.empty() ? "" : " ") + sub.name;
    }
    cases +=
        "    " + ShellQuote(path) + ") options=(" + options + ") commands=(" + commands + ") ;;\n";
  });
  return "_PROGRAM_names() {\n  case $1 in\n" + cases + "    *) return 1 ;;\n  esac\n}\n";
}

}  // namespace

std::string BashCompletion(const CommandDescription& program) {
  return ForProgram(
      kHead + SyntaxFunction("_PROGRAM_syntax", program) + "\n" + NamesFunction(program) + kEngine,
      program.name);
}

}  // namespace trunkline
