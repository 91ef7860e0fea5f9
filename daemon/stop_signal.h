// StopSignal: SIGINT and SIGTERM ask the daemon to stop in good order; a second one ends it at
// once. So does a time after which it hangs: a thread may wait for a file system that never
// answers.
#pragma once

#include "daemon/wakeup.h"

namespace trunkline {

// Installs the handlers; call once, from main. Signals are ignored by nobody else.
void InstallStopSignals();

// Whether a signal came.
bool StopRequested();
// Readable from the first signal on.
const Wakeup& StopWakeup();

}  // namespace trunkline
