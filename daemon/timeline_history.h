// TimelineHistory: where the WAL of a server that was promoted parted from its predecessors'
// (manual: "Timelines").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/lsn.h"
#include "postgres/connection.h"

namespace trunkline {

// The WAL is that of `timeline` up to `end`, and that of the next entry after it.
struct TimelineSwitch {
  uint32_t timeline = 0;
  Lsn end;

  friend bool operator==(const TimelineSwitch&, const TimelineSwitch&) = default;
};
using TimelineHistory = std::vector<TimelineSwitch>;

// The ancestors of `timeline`, oldest first; none for timeline 1, which has no history file.
// `connection` is in replication mode.
Result<TimelineHistory> ReadTimelineHistory(postgres::Connection* connection, uint32_t timeline);

// The content of a history file.
Result<TimelineHistory> ParseTimelineHistory(std::string_view content);

// Up to where WAL of `timeline` is part of this history; empty when none is.
std::optional<Lsn> EndOfTimeline(const TimelineHistory& history, uint32_t timeline);

}  // namespace trunkline
