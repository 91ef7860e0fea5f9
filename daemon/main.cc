// trunklined: archives the changes of a Postgres database.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "daemon/check.h"
#include "daemon/daemon.h"
#include "daemon/endpoints.h"
#include "daemon/http_server.h"
#include "daemon/metrics.h"
#include "daemon/options.h"
#include "daemon/stop_signal.h"

namespace trunkline {
namespace {

int Report(const Error& error) {
  std::fprintf(stderr, "trunklined: %s\n", error.ToString().c_str());
  return ExitCode(error);
}

int Run(const Options& options) {
  Metrics metrics;
  std::unique_ptr<HttpServer> server;
  if (options.http.has_value()) {
    Result<std::unique_ptr<HttpServer>> started =
        HttpServer::Start(*options.http, Endpoints(&metrics));
    if (!started) return Report(started.error());
    server = *std::move(started);
    spdlog::info("serving health and metrics at http://{}", ToString(server->address()));
  }
  Daemon daemon(options, &metrics);
  const Result<void> outcome = daemon.Run();
  return outcome ? 0 : Report(outcome.error());
}

}  // namespace
}  // namespace trunkline

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
  return Run(options);
}
