// The frame of the trunkline program: each subcommand lives in a file of its own,
// replay/<name>_command.cc, and adds itself to the command line.
//
// A subcommand owns its options in a struct that its callback keeps alive:
//
//   void AddInfoCommand(CLI::App* app, CommandContext* context) {
//     auto options = std::make_shared<InfoOptions>();
//     CLI::App* command = app->add_subcommand("info", "Show what an archive holds");
//     command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
//     command->callback([=] { context->run = [=] { return RunInfo(*options); }; });
//   }
//
// Data goes to standard output, everything else to standard error.
#pragma once

#include <functional>

#include "base/error.h"

namespace CLI {
class App;
}  // namespace CLI

namespace trunkline {

struct CommandContext {
  // What the command line asks for; set by the subcommand's callback, called once by main, which
  // prints the error on one line and exits with its ExitCode.
  std::function<Result<void>()> run;
};

inline constexpr char kArchiveHelp[] =
    "The archive: a path, pfs://host/repo@branch or s3://bucket/prefix";

void AddCompactCommand(CLI::App* app, CommandContext* context);
void AddDiffCommand(CLI::App* app, CommandContext* context);
void AddDigestCommand(CLI::App* app, CommandContext* context);
inline constexpr char kIndexHelp[] =
    "The folder of the index (default: trunkline/<archive's identity> in ~/.cache)";

void AddHistoryCommand(CLI::App* app, CommandContext* context);
void AddIndexCommand(CLI::App* app, CommandContext* context);
void AddInfoCommand(CLI::App* app, CommandContext* context);
void AddLogCommand(CLI::App* app, CommandContext* context);
void AddQueryCommand(CLI::App* app, CommandContext* context);
void AddReplayCommand(CLI::App* app, CommandContext* context);
void AddRetainCommand(CLI::App* app, CommandContext* context);
void AddSnapshotCommand(CLI::App* app, CommandContext* context);
void AddVerifyCommand(CLI::App* app, CommandContext* context);

}  // namespace trunkline
