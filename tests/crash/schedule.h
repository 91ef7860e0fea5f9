// Schedule: what happens to the daemon and around it, all of it made from one seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace trunkline::crash {

using std::chrono::milliseconds;

enum class Disturbance {
  kRestartSource,    // in good order
  kCrashSource,      // pg_ctl stop -m immediate, and start
  kTerminateSender,  // pg_terminate_backend
  kCutNetwork,
  kBlackHole,
  kSlowNetwork,
  kFreezeDaemon,     // SIGSTOP, SIGCONT
  kDropSlot,         // under whoever reads it
  kMoveSlotOn,       // to the end of the WAL, likewise
  kTakeArchiveAway,  // as a file system that is not mounted; with --confirm spooled only
};

struct Event {
  milliseconds at{0};  // since the one before it was over
  Disturbance what = Disturbance::kCutNetwork;
  milliseconds length{0};  // for those that last
};

enum class Ending { kKill, kStop };

// One run of the daemon.
struct Round {
  std::string faults;  // as base/fault.h has them
  std::vector<Event> events;
  // After the last event: until the archive has grown by so many segments, then until the faults
  // have acted. Neither is waited for for long.
  int segments = 0;
  bool take_state = false;
  Ending ending = Ending::kKill;
};

struct Schedule {
  uint64_t seed = 0;
  std::vector<std::string> source_settings;
  std::vector<std::string> daemon_arguments;
  bool spooled = false;        // --confirm spooled
  bool ends_archived = false;  // the last run is with --confirm archived all the same
  bool second_daemon = false;  // on the same slot and archive
  bool ddl_captured = false;   // sql/ddl_capture.sql is installed
  bool maintained = false;     // segments are merged and old history removed meanwhile
  int writers = 1;
  std::vector<Round> rounds;
  int failover = -1;  // the round at whose end a standby takes over; none where negative
};

Schedule MakeSchedule(uint64_t seed);
// Takes out what makes the source lose changes: the slot being dropped or moved on.
void LeaveSlotAlone(Schedule* schedule);

// For people: a line a round.
std::string Describe(const Schedule& schedule);

}  // namespace trunkline::crash
