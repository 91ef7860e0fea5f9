// Scripts that complete a program's command line in a shell. They name options, commands, the
// values of a set, literal beginnings of values, files and folders; nothing is run to complete.
#pragma once

#include <string>

#include "cli/command_description.h"

namespace trunkline {

// source <(PROGRAM completion bash), or the file PROGRAM in bash-completion's folder.
std::string BashCompletion(const CommandDescription& program);
// source <(PROGRAM completion zsh), or the file _PROGRAM in a folder of $fpath.
std::string ZshCompletion(const CommandDescription& program);
// PROGRAM completion fish | source, or the file PROGRAM.fish in a folder of $fish_complete_path.
std::string FishCompletion(const CommandDescription& program);

}  // namespace trunkline
