#include "tests/crash/schedule.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <random>

namespace trunkline::crash {
namespace {

using Random = std::mt19937_64;

int64_t Pick(Random& random, int64_t least, int64_t most) {
  return std::uniform_int_distribution<int64_t>(least, most)(random);
}
bool Chance(Random& random, int percent) { return Pick(random, 1, 100) <= percent; }
milliseconds PickMillis(Random& random, int64_t least, int64_t most) {
  return milliseconds(Pick(random, least, most));
}
template <typename T, size_t n>
const T& OneOf(Random& random, const T (&values)[n]) {
  return values[static_cast<size_t>(Pick(random, 0, n - 1))];
}

struct Point {
  const char* name;
  int most_hits;  // about as often as one run comes by
};

constexpr Point kPoints[] = {
    {"store.before_temporary", 80},
    {"store.write", 80},
    {"store.before_name", 80},
    {"store.before_folder_sync", 80},
    {"store.answer", 80},
    {"appender.publish", 20},
    {"appender.published", 20},
    {"publisher.append", 20},
    {"publisher.appended", 20},
    {"capture.message", 20'000},
    {"capture.cut", 20},
    {"feedback.send", 30},
    {"slot.create", 1},
    {"slot.created", 1},
    {"snapshot.slot", 1},
    {"snapshot.part", 50},
    {"snapshot.definition", 2},
    {"snapshot.pages", 20},
    {"snapshot.pages_kept", 20},
    {"snapshot.table", 20},
    {"snapshot.table_complete", 20},
    {"snapshot.manifest", 1},
    {"snapshot.complete", 1},
    {"snapshot.periodic", 2},
    {"store.remove", 10},
    {"definition.query", 5},
    {"scratch.write", 5},
    {"spool.append", 200},
};

// Of the store in front of the archive, which --confirm spooled has.
constexpr Point kSpooledPoints[] = {
    {"spooled.put", 20},
    {"spooled.upload", 20},
    {"spooled.uploaded", 20},
};

// Early hits as likely as late ones, on a logarithmic scale.
int64_t PickHit(Random& random, int most) {
  const double exponent = std::uniform_real_distribution<double>(0, std::log(most + 0.5))(random);
  return std::max<int64_t>(1, std::llround(std::exp(exponent)));
}

std::string PickFault(Random& random, bool spooled) {
  if (Chance(random, 5)) return "store.short_write 1- wrong";
  const bool in_front = spooled && Chance(random, 25);
  const Point& point = in_front ? OneOf(random, kSpooledPoints) : OneOf(random, kPoints);
  const int64_t first = PickHit(random, point.most_hits);
  const std::string some =
      std::to_string(first) + "-" + std::to_string(first + Pick(random, 0, 3)) + " ";
  const std::string name = std::string(point.name) + " ";
  const int64_t kind = Pick(random, 1, 100);
  if (kind <= 45) return name + std::to_string(first) + " kill";
  if (kind <= 75) return name + some + "fail unavailable";
  if (kind <= 85) return name + some + "fail failed";
  if (kind <= 90) return name + some + "fail denied";
  return name + some + "delay " + std::to_string(Pick(random, 50, 800));
}

std::string PickFaults(Random& random, bool spooled) {
  std::string faults = Chance(random, 50) ? "spool.memory 1- wrong" : "";
  for (int64_t count = Pick(random, 0, 2); count > 0; --count) {
    faults += (faults.empty() ? "" : ",") + PickFault(random, spooled);
  }
  return faults;
}

// Ends the daemon within the largest table of a base snapshot, again and again.
std::string PickCutInTable(Random& random) {
  const char* const points[] = {"snapshot.pages", "snapshot.pages_kept", "snapshot.part"};
  return std::string(OneOf(random, points)) + " " + std::to_string(Pick(random, 2, 15)) +
         (Chance(random, 80) ? " kill" : " fail unavailable");
}

Event PickEvent(Random& random, bool spooled) {
  constexpr Disturbance kAll[] = {Disturbance::kRestartSource, Disturbance::kCrashSource,
                                  Disturbance::kCrashSource,   Disturbance::kTerminateSender,
                                  Disturbance::kCutNetwork,    Disturbance::kBlackHole,
                                  Disturbance::kSlowNetwork,   Disturbance::kFreezeDaemon};
  constexpr Disturbance kLosses[] = {Disturbance::kDropSlot, Disturbance::kMoveSlotOn};
  Event event{.at = PickMillis(random, 20, 600),
              .what = OneOf(random, kAll),
              .length = PickMillis(random, 50, Chance(random, 20) ? 1500 : 500)};
  if (Chance(random, 20)) event.what = OneOf(random, kLosses);
  if (spooled && Chance(random, 30)) event.what = Disturbance::kTakeArchiveAway;
  return event;
}

Round PickRound(Random& random, bool spooled) {
  Round round;
  round.faults = PickFaults(random, spooled);
  for (int64_t count = std::max<int64_t>(0, Pick(random, -1, 2)); count > 0; --count) {
    round.events.push_back(PickEvent(random, spooled));
  }
  round.segments = static_cast<int>(Pick(random, 0, 6));
  round.take_state = Chance(random, 50);
  round.ending = Chance(random, 70) ? Ending::kKill : Ending::kStop;
  return round;
}

std::string Name(Disturbance disturbance) {
  switch (disturbance) {
    case Disturbance::kRestartSource:
      return "restart the source";
    case Disturbance::kCrashSource:
      return "crash the source";
    case Disturbance::kTerminateSender:
      return "terminate the sender";
    case Disturbance::kCutNetwork:
      return "cut the network";
    case Disturbance::kBlackHole:
      return "swallow the network";
    case Disturbance::kSlowNetwork:
      return "slow the network";
    case Disturbance::kFreezeDaemon:
      return "freeze the daemon";
    case Disturbance::kDropSlot:
      return "drop the slot";
    case Disturbance::kMoveSlotOn:
      return "move the slot on";
    case Disturbance::kTakeArchiveAway:
      return "take the archive away";
  }
  return {};
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += " " + word;
  return text;
}

}  // namespace

Schedule MakeSchedule(uint64_t seed) {
  Random random(seed);
  Schedule schedule;
  schedule.seed = seed;
  const char* const work_memory[] = {"64kB", "64kB", "64MB"};
  const char* const timeouts[] = {"1s", "3s", "60s"};
  schedule.source_settings = {
      std::string("logical_decoding_work_mem = ") + OneOf(random, work_memory),
      std::string("wal_sender_timeout = ") + OneOf(random, timeouts)};
  const char* const ages[] = {"20ms", "100ms", "500ms"};
  const char* const sizes[] = {"20kB", "300kB", "64MB"};
  schedule.daemon_arguments = {"--segment-max-age", OneOf(random, ages), "--segment-max-bytes",
                               OneOf(random, sizes)};
  const char* const ranges[] = {"16kB", "128kB", "1GiB"};
  schedule.daemon_arguments.insert(schedule.daemon_arguments.end(),
                                   {"--snapshot-range-bytes", OneOf(random, ranges)});
  schedule.spooled = Chance(random, 30);
  if (schedule.spooled) {
    const char* const bounds[] = {"20kB", "16GB"};
    schedule.daemon_arguments.insert(schedule.daemon_arguments.end(),
                                     {"--spool-max-bytes", OneOf(random, bounds)});
    schedule.ends_archived = Chance(random, 30);
  }
  // What one daemon has spooled, another one cannot bring to the archive.
  schedule.second_daemon = !schedule.spooled && Chance(random, 30);
  schedule.ddl_captured = Chance(random, 40);
  schedule.writers = static_cast<int>(Pick(random, 1, 4));
  for (int64_t count = Pick(random, 2, 5); count > 0; --count) {
    schedule.rounds.push_back(PickRound(random, schedule.spooled));
  }
  if (Chance(random, 35)) {
    std::string& faults = schedule.rounds.front().faults;
    faults += (faults.empty() ? "" : ",") + PickCutInTable(random);
  }
  if (Chance(random, 8)) {
    schedule.failover = static_cast<int>(Pick(random, 0, std::ssize(schedule.rounds) - 1));
  }
  schedule.maintained = Chance(random, 50);
  if (Chance(random, 40)) {
    const char* const bytes[] = {"20kB", "100kB", "500kB"};
    schedule.daemon_arguments.insert(schedule.daemon_arguments.end(),
                                     {"--snapshot-every", OneOf(random, bytes)});
  }
  return schedule;
}

void LeaveSlotAlone(Schedule* schedule) {
  for (Round& round : schedule->rounds) {
    std::erase_if(round.events, [](const Event& event) {
      return event.what == Disturbance::kDropSlot || event.what == Disturbance::kMoveSlotOn;
    });
  }
}

std::string Describe(const Schedule& schedule) {
  std::string text =
      "seed " + std::to_string(schedule.seed) + ": " + std::to_string(schedule.writers) +
      " writers; source" + Joined(schedule.source_settings) + "; daemon" +
      Joined(schedule.daemon_arguments) + (schedule.spooled ? " --confirm spooled" : "") +
      (schedule.ends_archived ? ", archived in the end" : "") +
      (schedule.second_daemon ? "; a second daemon" : "") +
      (schedule.ddl_captured ? "; DDL capture" : "") +
      (schedule.maintained ? "; maintenance" : "") + "\n";
  for (const Round& round : schedule.rounds) {
    text += "  faults: " + (round.faults.empty() ? "none" : round.faults) + "; ";
    for (const Event& event : round.events) {
      text += "after " + std::to_string(event.at.count()) + " ms " + Name(event.what) + " (" +
              std::to_string(event.length.count()) + " ms); ";
    }
    text += "after " + std::to_string(round.segments) + " segments " +
            (round.take_state ? "take the state, then " : "") +
            (round.ending == Ending::kKill ? "kill" : "stop") + "\n";
  }
  return text;
}

}  // namespace trunkline::crash
