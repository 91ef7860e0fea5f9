#include "daemon/stop_signal.h"

#include <unistd.h>

#include <csignal>

namespace trunkline {
namespace {

volatile std::sig_atomic_t stop_signals = 0;

void OnStopSignal(int signal) {
  if (stop_signals > 0) ::_exit(128 + signal);
  stop_signals = stop_signals + 1;
  StopWakeup().Signal();
}

}  // namespace

void InstallStopSignals() {
  (void)StopWakeup();  // made before a handler can need it
  struct sigaction action {};
  action.sa_handler = OnStopSignal;
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
}

bool StopRequested() { return stop_signals > 0; }

const Wakeup& StopWakeup() {
  static const Wakeup wakeup;
  return wakeup;
}

}  // namespace trunkline
