// trunklined: archives the changes of a Postgres database.
#include <cstdio>

#include "base/error.h"
#include "base/log.h"
#include "daemon/check.h"
#include "daemon/daemon.h"
#include "daemon/options.h"
#include "daemon/stop_signal.h"

int main(int argc, char** argv) {
  using namespace trunkline;
  const CommandLine command_line = ParseCommandLine(argc, argv);
  if (const int* exit_code = std::get_if<int>(&command_line)) return *exit_code;
  const auto& options = std::get<Options>(command_line);
  InitLogging("trunklined", options.log_level);
  InstallStopSignals();
  if (options.check) {
    const CheckReport report = CheckPrerequisites(options);
    std::fputs(FormatReport(report).c_str(), stdout);
    return report.failed() ? 1 : 0;
  }
  Daemon daemon(options);
  const Result<void> outcome = daemon.Run();
  if (outcome) return 0;
  std::fprintf(stderr, "trunklined: %s\n", outcome.error().ToString().c_str());
  return ExitCode(outcome.error());
}
