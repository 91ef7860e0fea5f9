// Disturbances: what can happen to a source, its slot, the network and the archive's disk.
//
// Those that last call `meanwhile`, and have things as they were when they return.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/lsn.h"
#include "tests/crash/checks.h"
#include "tests/support/proxy.h"
#include "tests/support/source.h"

namespace trunkline::crash {

using Meanwhile = std::function<void()>;

void CrashSource(test::Source* source, const Meanwhile& meanwhile);
void TerminateSender(const std::string& conninfo);

void BlackHole(test::Proxy* proxy, const Meanwhile& meanwhile);
void SlowDown(test::Proxy* proxy, std::chrono::milliseconds delay, const Meanwhile& meanwhile);

// A standby of the source is made, follows it meanwhile, and is promoted once the source has shut
// down in good order: it has all that the source had, and the source's slots as they were when it
// was made. No standby where it did not get all in time; the source then runs on.
struct Failover {
  std::unique_ptr<test::Source> standby;
  // Where the slot was gone when the standby was made: a position up to which changes may be lost,
  // though the source may have had one again.
  std::optional<Lsn> lost_up_to;
};
Failover FailOver(test::Source* source, int tcp_port, const Meanwhile& meanwhile);

// Make the source lose changes: the slot is taken from whoever reads it. They yield a position up
// to which changes may be lost; nothing where there was no slot, or its reader held on to it.
std::optional<Lsn> DropSlot(const std::string& conninfo);
std::optional<Lsn> MoveSlotOn(const std::string& conninfo);

// `disk` holds `archive`, and is another one meanwhile, with an empty folder in the archive's
// place. Only where `spool` knows the archive, so that no daemon begins a new one there. A finding
// where something was written underneath.
Findings TakeArchiveAway(const std::string& disk, const std::string& archive,
                         const std::string& spool, const Meanwhile& meanwhile);

}  // namespace trunkline::crash
