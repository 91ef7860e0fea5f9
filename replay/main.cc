// trunkline: looks into an archive and rebuilds any past state.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>

#include "base/log.h"
#include "replay/command.h"

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
  app.set_version_flag("--version", "trunkline " TRUNKLINE_VERSION);
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(34);
  app.footer(
      "A target is: latest, \"2016-11-30 09:29:00-08\", lsn:0/16B3748, xid:1234 or name:POINT.\n"
      "Exit codes: 0 done, 1 failed, 2 usage, 3 the archive is damaged or has a gap in the range\n"
      "asked for, 4 the source is not the archive's.");

  CommandContext context;
  AddReplayCommand(&app, &context);
  AddQueryCommand(&app, &context);
  AddLogCommand(&app, &context);
  AddHistoryCommand(&app, &context);
  AddIndexCommand(&app, &context);
  AddInfoCommand(&app, &context);
  AddVerifyCommand(&app, &context);
  AddSnapshotCommand(&app, &context);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    PrintError({ErrorKind::kInvalidArgument, error.what(), "trunkline --help shows the usage"});
    return kUsageError;
  }

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
