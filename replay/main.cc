// trunkline: looks into an archive and rebuilds any past state.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>

#include "base/log.h"
#include "cli/program.h"
#include "replay/command.h"
#include "replay/value_types.h"

namespace trunkline {
namespace {

constexpr int kUsageError = 2;

void PrintError(const Error& error) {
  const std::string line = "trunkline: " + error.ToString() + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int Main(int argc, char** argv) {
  InitLogging("trunkline", "warn");
  CLI::App app("Rebuilds any past state of a Postgres database from its archive.", "trunkline");
  app.require_subcommand(0, 1);
  app.footer(
      "A target is: latest, \"2016-11-30 09:29:00-08\", lsn:0/16B3748, xid:1234 or name:POINT; "
      "what\n"
      "it names is in. With before: in front, as in before:xid:1234, it is left out.\n"
      "Exit codes: 0 done, 1 failed, 2 usage, 3 the archive is damaged or has a gap in the range\n"
      "asked for, 4 the source is not the archive's.");

  CommandContext context;
  AddReplayCommand(&app, &context);
  AddQueryCommand(&app, &context);
  AddLogCommand(&app, &context);
  AddDiffCommand(&app, &context);
  AddHistoryCommand(&app, &context);
  AddIndexCommand(&app, &context);
  AddInfoCommand(&app, &context);
  AddVerifyCommand(&app, &context);
  AddDigestCommand(&app, &context);
  AddSnapshotCommand(&app, &context);
  AddCompactCommand(&app, &context);
  AddRetainCommand(&app, &context);

  AddSelfDescription(&app, {TRUNKLINE_VERSION, "1", kValueTypes});

  if (const std::optional<int> exit_code = ParseArguments(&app, argc, argv)) return *exit_code;
  if (!context.run) {
    PrintError({ErrorKind::kInvalidArgument, "no command given", "trunkline --help names them"});
    return kUsageError;
  }
  const Result<void> result = context.run();
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.flush();
  const int number = errno;
  if (!result) {
    PrintError(result.error());
    return ExitCode(result.error());
  }
  if (written) return 0;
  PrintError(ErrnoError("cannot write to standard output", number));
  return 1;
}

}  // namespace
}  // namespace trunkline

int main(int argc, char** argv) {
  try {
    return trunkline::Main(argc, argv);
  } catch (const std::exception& error) {  // out of memory, in the main
    std::fprintf(stderr, "trunkline: %s\n", error.what());
    return 1;
  }
}
