// trunkline_crash: carries out schedules of faults, and judges the archives that result.
//
//   trunkline_crash [--seed N] [--schedules N | --seconds N] [--canary NAME [--expect-finding]]
//
// Schedules have the seeds N, N + 1, ...; without --seed, N is random. Exit codes: 0 nothing found,
// 1 findings (with --expect-finding the other way round).
#include <CLI/CLI.hpp>
#include <cstdio>
#include <random>

#include "tests/crash/trial.h"

namespace trunkline::crash {
namespace {

struct Options {
  uint64_t seed = std::random_device()();
  int schedules = 1;
  int seconds = 0;
  std::string canary;
  bool expect_finding = false;
  std::string keep;
};

// Known bugs, as faults of the daemon.
const std::map<std::string, std::string>& Canaries() {
  static const std::map<std::string, std::string> canaries = {
      {"confirms-early", "feedback.durable 1- wrong"},
      {"loses-a-transaction", "segment.belongs 30 wrong"}};
  return canaries;
}

// Whether it found something.
bool Run(const Options& options, uint64_t seed, std::map<std::string, int>* faults) {
  const auto begun = std::chrono::steady_clock::now();
  const Schedule schedule = MakeSchedule(seed);
  const auto canary = Canaries().find(options.canary);
  const TrialResult result = RunTrial(
      schedule, {.canary = canary == Canaries().end() ? "" : canary->second, .keep = options.keep});
  for (const auto& [point, count] : result.faults) (*faults)[point] += count;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begun;
  std::printf(
      "seed %llu: %s; %lld transactions, %d segments, %d states, %.0f s\n",
      static_cast<unsigned long long>(seed), result.findings.empty() ? "nothing found" : "FINDINGS",
      static_cast<long long>(result.transactions), result.segments, result.states, elapsed.count());
  if (!result.findings.empty()) {
    std::printf("%s", Describe(schedule).c_str());
    for (const std::string& finding : result.findings) std::printf("  * %s\n", finding.c_str());
    std::printf("again: build/bin/trunkline_crash --seed %llu%s\n",
                static_cast<unsigned long long>(seed),
                options.canary.empty() ? "" : (" --canary " + options.canary).c_str());
  }
  std::fflush(stdout);
  return !result.findings.empty();
}

int Main(const Options& options) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  std::vector<uint64_t> found;
  std::map<std::string, int> faults;
  int done = 0;
  const auto more = [&] {
    if (options.expect_finding && !found.empty()) return false;
    return options.seconds > 0 ? std::chrono::steady_clock::now() < end : done < options.schedules;
  };
  for (; more(); ++done) {
    const uint64_t seed = options.seed + static_cast<uint64_t>(done);
    if (Run(options, seed, &faults)) found.push_back(seed);
  }
  std::printf("%d schedules, %zu with findings;", done, found.size());
  for (const auto& [point, count] : faults) std::printf(" %s %d", point.c_str(), count);
  std::printf("\n");
  return found.empty() == options.expect_finding ? 1 : 0;
}

}  // namespace
}  // namespace trunkline::crash

int main(int argc, char** argv) {
  using namespace trunkline::crash;
  Options options;
  CLI::App app("Carries out schedules of faults against trunklined, and judges its archives.");
  app.add_option("--seed", options.seed, "of the first schedule; random where not given");
  app.add_option("--schedules", options.schedules, "how many (1)");
  app.add_option("--seconds", options.seconds, "begin no schedule after this time");
  app.add_option("--canary", options.canary, "give the daemon a known bug")
      ->check(CLI::IsMember(Canaries()));
  app.add_flag("--expect-finding", options.expect_finding, "fail where nothing is found");
  app.add_option("--keep", options.keep, "a folder for archives and logs of findings");
  CLI11_PARSE(app, argc, argv);
  return Main(options);
}
