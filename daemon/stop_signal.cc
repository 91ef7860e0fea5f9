#include "daemon/stop_signal.h"

#include <unistd.h>

#include <csignal>

namespace trunkline {
namespace {

// Longer than anything that can pass takes to stop.
constexpr unsigned kStopLimitSeconds = 45;
constexpr char kHungMessage[] =
    "trunklined: stopped, although the archive or the source did not answer; what is not archived "
    "stays with the source\n";

volatile std::sig_atomic_t stop_signals = 0;

void OnStopSignal(int signal) {
  if (stop_signals > 0) ::_exit(128 + signal);
  stop_signals = stop_signals + 1;
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
