#include "daemon/stop_signal.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace trunkline {
namespace {

// Longer than anything that can pass takes to stop.
constexpr unsigned kStopLimitSeconds = 45;
constexpr char kHungMessage[] =
    "trunklined: stopped, although the archive or the source did not answer; what is not archived "
    "stays with the source\n";

// Set by a handler, read by any thread.
std::atomic<int> stop_signals{0};
static_assert(std::atomic<int>::is_always_lock_free);

void OnStopSignal(int signal) {
  if (stop_signals.fetch_add(1) > 0) ::_exit(128 + signal);
  StopWakeup().Signal();
  ::alarm(kStopLimitSeconds);
}

void OnAlarm(int) {
  (void)!::write(STDERR_FILENO, kHungMessage, sizeof(kHungMessage) - 1);
  ::_exit(1);
}

}  // namespace

void InstallStopSignals() {
  (void)StopWakeup();  // made before a handler can need it
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = OnAlarm;
  ::sigaction(SIGALRM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
}

bool StopRequested() { return stop_signals > 0; }

const Wakeup& StopWakeup() {
  static const Wakeup wakeup;
  return wakeup;
}

}  // namespace trunkline
