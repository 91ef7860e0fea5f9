// trunkline_crash: carries out schedules of faults, and judges the archives that result.
//
//   trunkline_crash [--seed N] [--schedules N | --seconds N] [--jobs N]
//                   [--leave-slot] [--canary NAME [--expect-finding]]
//
// Schedules have the seeds N, N + 1, ...; without --seed, N is random. Exit codes: 0 nothing found,
// 1 findings (with --expect-finding the other way round).
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "tests/crash/trial.h"

namespace trunkline::crash {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  uint64_t seed = std::random_device()();
  int schedules = 1;
  int seconds = 0;
  int jobs = 1;
  std::string canary;
  bool expect_finding = false;
  bool leave_slot = false;
  std::string keep;
};

// Known bugs, as faults of the daemon.
const std::map<std::string, std::string>& Canaries() {
  static const std::map<std::string, std::string> canaries = {
      {"archives-twice", "segment.twice 100 wrong"},
      {"confirms-early", "feedback.durable 1- wrong"},
      {"keeps-too-little", "retention.base 1- wrong"},
      {"keeps-what-was-rolled-back", "spool.rollback 1- wrong"},
      {"loses-a-row-of-the-snapshot", "snapshot.row 7 wrong"},
      {"loses-a-transaction", "segment.belongs 30 wrong"},
      {"passes-over-a-gap", "continuity.gap 1- wrong,slot.gives 1- wrong"}};
  return canaries;
}

// Those that make another trial of the same seed.
std::string FlagsOf(const Options& options) {
  return (options.leave_slot ? " --leave-slot" : "") +
         (options.canary.empty() ? "" : " --canary " + options.canary);
}

void Print(const Schedule& schedule, const TrialResult& result, double seconds,
           const std::string& flags) {
  std::printf(
      "seed %llu: %s; %lld transactions, %d segments, %d gaps, %d states, %d in doubt, %.1f s\n",
      static_cast<unsigned long long>(schedule.seed),
      result.findings.empty() ? "nothing found" : "FINDINGS",
      static_cast<long long>(result.transactions), result.segments, result.gaps, result.states,
      result.doubts, seconds);
  if (!result.findings.empty()) {
    std::printf("%s", Describe(schedule).c_str());
    for (const std::string& finding : result.findings) std::printf("  * %s\n", finding.c_str());
    std::printf("again: build/bin/trunkline_crash --seed %llu%s\n",
                static_cast<unsigned long long>(schedule.seed), flags.c_str());
  }
  std::fflush(stdout);
}

// Schedules that are carried out, several at a time.
class Campaign {
 public:
  explicit Campaign(const Options& options)
      : options_(options),
        canary_(options.canary.empty() ? "" : Canaries().at(options.canary)),
        end_(Clock::now() + std::chrono::seconds(options.seconds)) {}

  // Whether something was found.
  bool Run() {
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < options_.jobs; ++i) threads.emplace_back([this] { RunSome(); });
    }
    std::printf("%d schedules, %zu with findings; %lld transactions, %d gaps, %d failovers, ",
                begun_, found_.size(), static_cast<long long>(total_.transactions), total_.gaps,
                total_.failovers);
    std::printf("%d states, %d in doubt, %d runs of maintenance and readers; faults:",
                total_.states, total_.doubts, total_.maintained);
    for (const auto& [point, count] : total_.faults) {
      std::printf(" %s %d", point.c_str(), count);
    }
    std::printf("\n");
    for (const uint64_t seed : found_) {
      std::printf("findings of seed %llu\n", static_cast<unsigned long long>(seed));
    }
    return !found_.empty();
  }

 private:
  void RunSome() {
    while (const std::optional<uint64_t> seed = NextSeed()) {
      const Clock::time_point begun = Clock::now();
      Schedule schedule = MakeSchedule(*seed);
      if (options_.leave_slot) LeaveSlotAlone(&schedule);
      const TrialResult result =
          RunTrial(schedule, source_template_, {.canary = canary_, .keep = options_.keep});
      const std::chrono::duration<double> elapsed = Clock::now() - begun;
      const std::scoped_lock lock(mutex_);
      Print(schedule, result, elapsed.count(), FlagsOf(options_));
      if (!result.findings.empty()) found_.push_back(*seed);
      Add(result);
    }
  }

  std::optional<uint64_t> NextSeed() {
    const std::scoped_lock lock(mutex_);
    if (options_.expect_finding && !found_.empty()) return std::nullopt;
    const bool more = options_.seconds > 0 ? Clock::now() < end_ : begun_ < options_.schedules;
    if (!more) return std::nullopt;
    return options_.seed + static_cast<uint64_t>(begun_++);
  }

  void Add(const TrialResult& result) {
    total_.transactions += result.transactions;
    total_.states += result.states;
    total_.gaps += result.gaps;
    total_.failovers += result.failovers;
    total_.maintained += result.maintained;
    total_.doubts += result.doubts;
    for (const auto& [point, count] : result.faults) total_.faults[point] += count;
  }

  const Options options_;
  const std::string canary_;
  const Clock::time_point end_;
  const SourceTemplate source_template_;
  std::mutex mutex_;
  int begun_ = 0;
  std::vector<uint64_t> found_;
  TrialResult total_;
};

}  // namespace
}  // namespace trunkline::crash

int main(int argc, char** argv) {
  using namespace trunkline::crash;
  Options options;
  CLI::App app("Carries out schedules of faults against trunklined, and judges its archives.");
  app.add_option("--seed", options.seed, "of the first schedule; random where not given");
  app.add_option("--schedules", options.schedules, "how many (1)");
  app.add_option("--seconds", options.seconds, "begin no schedule after this time");
  app.add_option("--jobs", options.jobs, "carry out so many at once (1)")
      ->check(CLI::PositiveNumber);
  app.add_option("--canary", options.canary, "give the daemon a known bug")
      ->check(CLI::IsMember(Canaries()));
  app.add_flag("--expect-finding", options.expect_finding, "fail where nothing is found");
  app.add_flag("--leave-slot", options.leave_slot, "nobody drops the slot or moves it on");
  app.add_option("--keep", options.keep, "a folder for archives and logs of findings");
  CLI11_PARSE(app, argc, argv);
  const bool found = Campaign(options).Run();
  return found == options.expect_finding ? 0 : 1;
}
