#include "tests/crash/maintenance.h"

#include <algorithm>
#include <csignal>
#include <sstream>

#include "tests/crash/layout.h"
#include "tests/support/trunkline.h"

namespace trunkline::crash {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kProgramPatience{120};
constexpr int kSignalled = 128 + SIGKILL;

int64_t PickFrom(std::mt19937_64* random, int64_t least, int64_t most) {
  return std::uniform_int_distribution<int64_t>(least, most)(*random);
}
bool PerHundred(std::mt19937_64* random, int percent) {
  return PickFrom(random, 1, 100) <= percent;
}

std::string PickMaintenanceFault(std::mt19937_64* random) {
  constexpr const char* kPoints[] = {"compaction.publish",
                                     "compaction.published",
                                     "compaction.remove",
                                     "retention.snapshots",
                                     "store.remove",
                                     "store.remove",
                                     "store.answer",
                                     "store.before_name",
                                     "store.write",
                                     "store.before_temporary",
                                     "store.before_folder_sync"};
  const std::string point = kPoints[PickFrom(random, 0, std::size(kPoints) - 1)];
  const std::string hit = std::to_string(PickFrom(random, 1, point == "store.remove" ? 12 : 3));
  switch (PickFrom(random, 0, 3)) {
    case 0:
      return point + " " + hit + " fail unavailable";
    case 1:
      return point + " " + hit + "- delay " + std::to_string(PickFrom(random, 5, 150));
    default:
      return point + " " + hit + " kill";
  }
}

}  // namespace

Maintenance::Maintenance(std::string archive, uint64_t seed, std::string canary)
    : archive_(std::move(archive)), canary_(std::move(canary)) {
  for (uint64_t i = 0; i < std::size(turns_); ++i) {
    threads_.emplace_back([this, i, seed](const std::stop_token& stop) {
      Work(stop, seed * std::size(turns_) + i, &turns_[i]);
    });
  }
}

Findings Maintenance::Stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
  return std::move(findings_);
}

void Maintenance::Work(const std::stop_token& stop, uint64_t seed, std::mutex* turn) {
  Random random(seed);
  while (!stop.stop_requested()) {
    {
      const std::scoped_lock lock(*turn);
      DoSomething(&random);
    }
    std::this_thread::sleep_for(milliseconds(PickFrom(&random, 20, 400)));
  }
}

void Maintenance::DoSomething(Random* random) {
  if (Layout(archive_).segments() == 0) return;
  const int64_t what = PickFrom(random, 1, 100);
  if (what <= 45) return Run(Merging(random), /*writes=*/true, random);
  if (what > 65) return Run(Reading(random), /*writes=*/false, random);
  const std::vector<std::string> removing = Removing(random);
  if (!removing.empty()) Run(removing, /*writes=*/true, random);
}

std::vector<std::string> Maintenance::Merging(Random* random) const {
  const char* const sizes[] = {"10kB", "100kB", "10MB"};
  return {"compact", archive_, "--target-bytes", sizes[PickFrom(random, 0, 2)]};
}

// Up to somewhere before the archive's end, most often not far.
std::vector<std::string> Maintenance::Removing(Random* random) {
  const Layout layout(archive_);
  const std::optional<Lsn> first = layout.first_snapshot();
  if (!first || layout.end() <= *first) return {};
  const auto span = static_cast<int64_t>(layout.end().value - first->value);
  const Lsn from{first->value + static_cast<uint64_t>(
                                    PickFrom(random, 0, PerHundred(random, 30) ? span : span / 3))};
  const std::scoped_lock lock(mutex_);
  if (!first_snapshot_) first_snapshot_ = first;
  kept_from_ = std::max(kept_from_, from);
  return {"retain", archive_, "--keep-from", "lsn:" + from.ToString(), "--yes"};
}

std::vector<std::string> Maintenance::Reading(Random* random) const {
  switch (PickFrom(random, 0, 3)) {
    case 0:
      return {"info", archive_};
    case 1:
      return {"replay", archive_, "--at", "latest", "--to", "sql:-", "--dry-run"};
    default:
      return {"verify", archive_};
  }
}

// A reader has to come to its end: what is merged or removed under it is no damage.
void Maintenance::Run(const std::vector<std::string>& arguments, bool writes, Random* random) {
  std::string faults = writes && PerHundred(random, 60) ? PickMaintenanceFault(random) : "";
  const bool may_fail = faults.find(" fail ") != std::string::npos;
  const bool both = !faults.empty() && !canary_.empty();
  if (writes) faults += (both ? "," : "") + canary_;
  std::vector<std::string> command = {test::Binary("trunkline_faulty")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  test::Program program(command, {.environment = {{"TRUNKLINE_FAULTS", faults}}});
  const bool killed = PerHundred(random, writes ? 20 : 5);
  if (killed) {
    std::this_thread::sleep_for(milliseconds(PickFrom(random, 1, 300)));
    program.Signal(SIGKILL);
  }
  const test::Outcome outcome = program.Wait(kProgramPatience);
  const bool by_fault = outcome.err.find("fault: ") != std::string::npos;
  bool right = outcome.exit_code == 0 && !outcome.timed_out;
  right |= outcome.exit_code == kSignalled && !outcome.timed_out && (killed || by_fault);
  right |= outcome.exit_code == 1 && may_fail && by_fault;
  // Whom others keep overtaking may say so; who looks for a rebuild may meet a gap, or no snapshot.
  right |= outcome.exit_code == 1 && outcome.err.find("run it again") != std::string::npos;
  right |= arguments.front() == "replay" && outcome.exit_code == 3 &&
           outcome.err.find("the source lost") != std::string::npos;
  right |= arguments.front() != "verify" && outcome.exit_code == 1 &&
           outcome.err.find("base snapshot") != std::string::npos;
  std::ostringstream text;
  text << arguments.front() << " (faults: " << faults << "): " << outcome;
  const std::optional<Lsn> first = Layout(archive_).first_snapshot();
  const std::scoped_lock lock(mutex_);
  if (first_snapshot_ && first && *first > std::max(kept_from_, *first_snapshot_)) {
    findings_.push_back("no base snapshot leads to " + kept_from_.ToString() +
                        ", which was to be kept, after " + text.str());
  }
  ++runs_;
  log_ += text.str() + "\n";
  if (!right) findings_.push_back(text.str());
}

}  // namespace trunkline::crash
