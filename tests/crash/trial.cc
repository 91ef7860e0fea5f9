#include "tests/crash/trial.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

#include "tests/crash/disturbances.h"
#include "tests/crash/layout.h"
#include "tests/crash/maintenance.h"
#include "tests/crash/supervised_daemon.h"
#include "tests/integration/load.h"
#include "tests/support/must.h"
#include "tests/support/proxy.h"
#include "tests/support/source.h"

namespace trunkline::crash {
namespace {

using test::Must;
using test::seconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kLookInterval{20};
// What a round waits for: segments come soon, unless the machine has other things to do; a fault
// may be at a point that this run does not come by.
constexpr seconds kSegmentPatience{6};
constexpr milliseconds kFaultPatience{400};
constexpr seconds kEndPatience{120};
constexpr milliseconds kStandbyTime{300};  // that a standby follows before it takes over

std::unique_ptr<test::Source> SourceFrom(const SourceTemplate& source_template,
                                         const std::vector<std::string>& settings, int port) {
  return std::make_unique<test::Source>(test::SourceOptions{
      .settings = settings, .tcp_port = port, .copy_of = source_template.data()});
}

}  // namespace

class Trial {
 public:
  Trial(const Schedule& schedule, const SourceTemplate& source_template,
        const TrialOptions& options)
      : schedule_(schedule),
        options_(options),
        source_(SourceFrom(source_template, schedule.source_settings, test::FreePort())),
        proxy_(std::stoi(source_->port())),
        daemon_("the daemon", DaemonOptions(schedule.spooled), options.canary, &result_.findings),
        second_daemon_("the second daemon", DaemonOptions(/*spooled=*/false), "",
                       &result_.findings) {
    std::filesystem::create_directories(spool());
    if (schedule_.ddl_captured) test::InstallDdlCapture(source_->conninfo());
  }

  TrialResult Run() {
    Workload load(source_->conninfo(), schedule_.writers, schedule_.seed,
                  {.ddl_captured = schedule_.ddl_captured});
    if (schedule_.second_daemon) second_daemon_.Start("");
    if (schedule_.maintained) maintenance_.emplace(archive(), schedule_.seed, options_.canary);
    for (size_t i = 0; i < schedule_.rounds.size(); ++i) {
      const bool fails_over = std::cmp_equal(i, schedule_.failover);
      RunRound(schedule_.rounds[i], [&] {
        if (fails_over) MoveToStandby(&load);
      });
    }
    second_daemon_.Stop();
    load.Stop();
    CatchUp();
    if (maintenance_) Note(maintenance_->Stop());
    Judge(load.ledger());
    if (!result_.findings.empty() && !options_.keep.empty()) Keep();
    return std::move(result_);
  }

 private:
  // As if it were a disk of its own, which can be away.
  std::string archive() const { return folder_ / "disk/archive"; }
  std::string spool() const { return folder_ / "spool"; }
  std::string confirmed_spool() const { return spool() + "/trunkline-confirmed"; }

  test::DaemonOptions DaemonOptions(bool spooled) const {
    test::DaemonOptions options{.source = proxy_.conninfo() + " user=postgres dbname=postgres",
                                .archive = archive(),
                                .arguments = schedule_.daemon_arguments,
                                .program = "trunklined_faulty"};
    options.arguments.insert(options.arguments.end(), {"--spool", spool()});
    if (spooled) options.arguments.insert(options.arguments.end(), {"--confirm", "spooled"});
    return options;
  }

  void Note(Findings findings) {
    result_.findings.insert(result_.findings.end(), findings.begin(), findings.end());
  }

  void RunRound(const Round& round, const std::function<void()>& last_event) {
    LetSlotsMoveOn();
    daemon_.Start(round.faults);
    for (const Event& event : round.events) {
      Pass(event.at);
      daemon_.NoteDisturbance();
      second_daemon_.NoteDisturbance();
      Disturb(event);
    }
    last_event();
    // Segments can be merged: each time that the archive has grown counts.
    Lsn end = Layout(archive()).end();
    int grown = 0;
    PassUntil(kSegmentPatience, [&] {
      const Lsn now = Layout(archive()).end();
      if (now > end) ++grown;
      end = now;
      return grown >= round.segments;
    });
    PassUntil(kFaultPatience, [&] { return daemon_.HasFailed(); });
    if (round.take_state) TakeState();
    NoteConfirmed();
    if (round.ending == Ending::kKill) {
      daemon_.Kill();
    } else {
      daemon_.Stop();
    }
    NoteConfirmed();
  }

  // Decoding begins at the newest list of running transactions that what is confirmed allows; the
  // source writes one every 15 seconds, or with a checkpoint. Else each run of the daemon would
  // have all WAL decoded from the beginning.
  void LetSlotsMoveOn() { test::Session(source_->conninfo()).Do("CHECKPOINT"); }

  template <typename Predicate>
  void PassUntil(milliseconds longest, Predicate done) {
    const auto end = Clock::now() + longest;
    while (!done() && Clock::now() < end) {
      std::this_thread::sleep_for(kLookInterval);
      daemon_.LookAfter();
      second_daemon_.LookAfter();
    }
  }
  void Pass(milliseconds time) {
    PassUntil(time, [] { return false; });
  }

  void Disturb(const Event& event) {
    const auto for_a_while = [&] { Pass(event.length); };
    switch (event.what) {
      case Disturbance::kRestartSource:
        return Must(source_->server().Restart({}));
      case Disturbance::kCrashSource:
        return CrashSource(source_.get(), for_a_while);
      case Disturbance::kTerminateSender:
        return TerminateSender(source_->conninfo());
      case Disturbance::kCutNetwork:
        return proxy_.Cut();
      case Disturbance::kBlackHole:
        return BlackHole(&proxy_, for_a_while);
      case Disturbance::kSlowNetwork:
        return SlowDown(&proxy_, event.length / 10, for_a_while);
      case Disturbance::kFreezeDaemon:
        daemon_.Signal(SIGSTOP);
        std::this_thread::sleep_for(event.length);
        return daemon_.Signal(SIGCONT);
      case Disturbance::kDropSlot:
      case Disturbance::kMoveSlotOn:
        return NoteLoss(event.what == Disturbance::kDropSlot ? DropSlot(source_->conninfo())
                                                             : MoveSlotOn(source_->conninfo()));
      case Disturbance::kTakeArchiveAway:
        return WhileNobodyElseLooks([&] {
          Note(TakeArchiveAway(folder_ / "disk", archive(), confirmed_spool(), for_a_while));
        });
    }
  }

  template <typename Meanwhile>
  void WhileNobodyElseLooks(const Meanwhile& meanwhile) {
    if (!maintenance_) return meanwhile();
    maintenance_->Rest(meanwhile);
  }

  void MoveToStandby(Workload* load) {
    daemon_.NoteDisturbance();
    second_daemon_.NoteDisturbance();
    const int port = test::FreePort();
    Failover failover = FailOver(source_.get(), port, [this] { Pass(kStandbyTime); });
    if (failover.standby == nullptr) return;
    NoteLoss(failover.lost_up_to);
    proxy_.Retarget(port);
    load->MoveTo(failover.standby->conninfo());
    source_ = std::move(failover.standby);
    ++result_.failovers;
  }

  void NoteLoss(std::optional<Lsn> lost_up_to) {
    if (!lost_up_to.has_value()) return;
    ++losses_;
    lost_up_to_ = *lost_up_to;
  }

  // A slot that was lost is ahead of the archive until the gap is on record.
  void NoteConfirmed() {
    if (Layout(archive()).end() <= lost_up_to_) return;
    Note(CheckConfirmed(archive(), confirmed_spool(), source_->conninfo()));
  }

  // Impossible now and then: a writer's TRUNCATE may stand in the way.
  void TakeState() {
    try {
      states_.push_back(test::TakeExactState(source_->conninfo(), "trunkline"));
    } catch (const std::runtime_error&) {
    }
  }

  // Brings the archive up to what the source has, with nothing in the way. Behind a loss, and on a
  // machine too slow for the rounds, that takes a first run up to a base snapshot.
  void CatchUp() {
    LetSlotsMoveOn();
    if (losses_ > 0 || !Layout(archive()).first_snapshot().has_value()) RunToNow();
    states_.push_back(test::TakeExactState(source_->conninfo(), "trunkline"));
    RunToNow();
  }

  void RunToNow() {
    test::DaemonOptions options = DaemonOptions(schedule_.spooled && !schedule_.ends_archived);
    options.source = source_->conninfo();
    options.program = "trunklined";
    const test::Outcome outcome = test::Daemon(options).RunTo("now", kEndPatience);
    if (outcome.exit_code == 0) return;
    result_.findings.push_back("the last run of the daemon exits " +
                               std::to_string(outcome.exit_code) + ": " + outcome.err);
  }

  void Judge(Ledger ledger) {
    for (const auto& [number, fate] : ledger) result_.transactions += fate == Fate::kCommitted;
    const Layout layout(archive());
    result_.segments = layout.segments();
    result_.gaps = static_cast<int>(layout.gaps().size());
    result_.states = static_cast<int>(states_.size());
    result_.faults = FaultsIn(daemon_.log());
    const Lsn kept_from = maintenance_ ? maintenance_->kept_from() : Lsn{};
    const std::optional<Lsn> first_snapshot =
        maintenance_ ? maintenance_->first_snapshot() : std::nullopt;
    if (maintenance_) result_.maintained = maintenance_->runs();
    const Verdict verdict = CheckArchive({.archive = archive(),
                                          .conninfo = source_->conninfo(),
                                          .ledger = std::move(ledger),
                                          .states = std::move(states_),
                                          .losses = losses_,
                                          .ddl_captured = schedule_.ddl_captured,
                                          .kept_from = kept_from,
                                          .first_snapshot = first_snapshot});
    Note(verdict.findings);
    result_.doubts = verdict.doubts;
  }

  void Keep() const {
    const std::string place = options_.keep + "/" + std::to_string(schedule_.seed);
    std::filesystem::remove_all(place);
    std::filesystem::create_directories(place);
    if (test::Exists(archive())) test::CopyFolder(archive(), place + "/archive");
    if (test::Exists(confirmed_spool())) test::CopyFolder(confirmed_spool(), place + "/spool");
    test::WriteFile(place + "/daemon.log", daemon_.log());
    test::WriteFile(place + "/second_daemon.log", second_daemon_.log());
    if (maintenance_) test::WriteFile(place + "/maintenance.log", maintenance_->log());
    test::WriteFile(place + "/source.log", source_->log());
    std::string findings;
    for (const std::string& finding : result_.findings) findings += finding + "\n";
    test::WriteFile(place + "/findings", findings);
  }

  const Schedule schedule_;
  const TrialOptions options_;
  test::TempFolder folder_;
  std::unique_ptr<test::Source> source_;
  test::Proxy proxy_;
  TrialResult result_;
  SupervisedDaemon daemon_;
  SupervisedDaemon second_daemon_;
  std::optional<Maintenance> maintenance_;
  std::vector<test::ExactState> states_;
  int losses_ = 0;
  Lsn lost_up_to_;  // by the last loss
};

TrialResult RunTrial(const Schedule& schedule, const SourceTemplate& source_template,
                     const TrialOptions& options) {
  try {
    return Trial(schedule, source_template, options).Run();
  } catch (const std::exception& error) {
    TrialResult broken;
    broken.findings.push_back("the trial broke off: " + std::string(error.what()));
    return broken;
  }
}

}  // namespace trunkline::crash
