#include "tests/crash/trial.h"

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "tests/crash/supervised_daemon.h"
#include "tests/support/must.h"
#include "tests/support/proxy.h"
#include "tests/support/source.h"
#include "tests/support/twin_slot.h"

namespace trunkline::crash {
namespace {

using test::Must;
using test::seconds;

constexpr milliseconds kLookInterval{20};
constexpr seconds kEndPatience{120};

class Trial {
 public:
  Trial(const Schedule& schedule, const TrialOptions& options)
      : schedule_(schedule),
        options_(options),
        port_(test::FreePort()),
        source_({.settings = schedule.source_settings, .tcp_port = port_}),
        conninfo_(source_.conninfo()),
        proxy_(port_),
        archive_(folder_ / "archive"),
        daemon_("the daemon", DaemonOptions(), &result_.findings),
        second_daemon_("the second daemon", DaemonOptions(), &result_.findings) {}

  TrialResult Run() {
    CreateWorkloadSchema(conninfo_);
    test::TwinSlot{conninfo_};
    Workload load(conninfo_, schedule_.writers, schedule_.seed);
    if (schedule_.second_daemon) second_daemon_.Start("");
    for (const Round& round : schedule_.rounds) RunRound(round);
    second_daemon_.Stop();
    load.Stop();
    CatchUp();
    const Ledger ledger = load.ledger();
    Note(CheckArchive(archive_, conninfo_, ledger, states_));
    for (const auto& [number, fate] : ledger) result_.transactions += fate == Fate::kCommitted;
    result_.segments = static_cast<int>(test::Segments(archive_).size());
    result_.states = static_cast<int>(states_.size());
    result_.faults = FaultsIn(daemon_.log());
    if (!result_.findings.empty() && !options_.keep.empty()) Keep();
    return std::move(result_);
  }

 private:
  test::DaemonOptions DaemonOptions() const {
    return {.source = proxy_.conninfo() + " user=postgres dbname=postgres",
            .archive = archive_,
            .arguments = schedule_.daemon_arguments,
            .program = "trunklined_faulty"};
  }

  void Note(Findings findings) {
    result_.findings.insert(result_.findings.end(), findings.begin(), findings.end());
  }

  void RunRound(const Round& round) {
    const bool both = !round.faults.empty() && !options_.canary.empty();
    daemon_.Start(round.faults + (both ? "," : "") + options_.canary);
    for (const Event& event : round.events) {
      Pass(event.at);
      daemon_.NoteDisturbance();
      second_daemon_.NoteDisturbance();
      Disturb(event);
    }
    Pass(round.rest);
    if (round.take_state) TakeState();
    Note(CheckConfirmed(archive_, conninfo_));
    if (round.ending == Ending::kKill) {
      daemon_.Kill();
    } else {
      daemon_.Stop();
    }
    Note(CheckConfirmed(archive_, conninfo_));
  }

  void Pass(milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    do {
      std::this_thread::sleep_for(kLookInterval);
      daemon_.LookAfter();
      second_daemon_.LookAfter();
    } while (std::chrono::steady_clock::now() < end);
  }

  void Disturb(const Event& event) {
    switch (event.what) {
      case Disturbance::kRestartSource:
        return Must(source_.server().Restart({}));
      case Disturbance::kCrashSource:
        Must(source_.server().Stop(/*immediate=*/true));
        Pass(event.length);
        return Must(source_.server().Restart({}));
      case Disturbance::kTerminateSender:
        test::Session(conninfo_).Do(
            "SELECT pg_catalog.pg_terminate_backend(active_pid) "
            "FROM pg_catalog.pg_replication_slots WHERE active_pid IS NOT NULL");
        return;
      case Disturbance::kCutNetwork:
        return proxy_.Cut();
      case Disturbance::kBlackHole:
        proxy_.BlackHole(true);
        Pass(event.length);
        return proxy_.BlackHole(false);
      case Disturbance::kSlowNetwork:
        proxy_.Delay(event.length / 10);
        Pass(event.length);
        return proxy_.Delay(milliseconds(0));
      case Disturbance::kFreezeDaemon:
        daemon_.Signal(SIGSTOP);
        std::this_thread::sleep_for(event.length);
        daemon_.Signal(SIGCONT);
        return;
    }
  }

  // Impossible now and then: a writer's TRUNCATE may stand in the way.
  void TakeState() {
    try {
      states_.push_back(test::TakeExactState(conninfo_, "trunkline"));
    } catch (const std::runtime_error&) {
    }
  }

  // Brings the archive up to what the source has, with nothing in the way.
  void CatchUp() {
    states_.push_back(test::TakeExactState(conninfo_, "trunkline"));
    test::DaemonOptions options = DaemonOptions();
    options.source = conninfo_;
    options.program = "trunklined";
    const test::Outcome outcome = test::Daemon(options).RunTo("now", kEndPatience);
    if (outcome.exit_code == 0) return;
    result_.findings.push_back("the last run of the daemon exits " +
                               std::to_string(outcome.exit_code) + ": " + outcome.err);
  }

  void Keep() const {
    const std::string place = options_.keep + "/" + std::to_string(schedule_.seed);
    std::filesystem::create_directories(place);
    if (test::Exists(archive_)) test::CopyFolder(archive_, place + "/archive");
    test::WriteFile(place + "/daemon.log", daemon_.log());
    test::WriteFile(place + "/second_daemon.log", second_daemon_.log());
    test::WriteFile(place + "/source.log", source_.log());
    std::string findings;
    for (const std::string& finding : result_.findings) findings += finding + "\n";
    test::WriteFile(place + "/findings", findings);
  }

  const Schedule schedule_;
  const TrialOptions options_;
  const int port_;
  test::Source source_;
  const std::string conninfo_;
  test::Proxy proxy_;
  test::TempFolder folder_;
  const std::string archive_;
  TrialResult result_;
  SupervisedDaemon daemon_;
  SupervisedDaemon second_daemon_;
  std::vector<test::ExactState> states_;
};

}  // namespace

TrialResult RunTrial(const Schedule& schedule, const TrialOptions& options) {
  try {
    return Trial(schedule, options).Run();
  } catch (const std::exception& error) {
    TrialResult broken;
    broken.findings.push_back("the trial broke off: " + std::string(error.what()));
    return broken;
  }
}

}  // namespace trunkline::crash
