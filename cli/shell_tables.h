// What the completions of bash and of zsh are looked up in, in the language that both have.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/command_description.h"

namespace trunkline {

// In single quotes.
std::string ShellQuote(std::string_view text);

// Calls `visit` for the program (with "") and each command (with "replay").
void ForEachCommand(
    const CommandDescription& program,
    const std::function<void(const std::string& path, const CommandDescription& command)>& visit);

// The forms of a value as words: "latest", "csv:@dir", "@file".
std::string FormWords(const std::vector<ValueForm>& forms);

// The shell function `name`: given a command, and an option or the number of a positional, it sets
// `forms` to the words above and `takes` to 0, 1 or maybe; it fails for what is not known.
std::string SyntaxFunction(const std::string& name, const CommandDescription& program);

// `text` with each "PROGRAM" replaced.
std::string ForProgram(std::string text, const std::string& program);

}  // namespace trunkline
