// Continuity: whether a source can bring an archive on exactly from where it ends.
//
// Only decides; starting_point.h acts on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/lsn.h"
#include "daemon/slot.h"
#include "daemon/source.h"
#include "daemon/timeline_history.h"

namespace trunkline {

// Where an archive stands that has a segment or at least a base snapshot.
struct ArchivePosition {
  Lsn end;
  // The changes up to here are in the archive. Before `end` only where there is no segment yet, and
  // tables of the base snapshot were copied earlier than the snapshot's own instant.
  Lsn complete_to;
  uint32_t timeline = 0;  // on which the last segment was written
};

// Changes after the archive's end that the source cannot give any more.
struct Gap {
  std::string reason;  // for a person
  // The archive ends past the point where the source's WAL parted from it, and LSNs up to that end
  // mean other changes at the source now. The archive can go on only after it.
  bool diverged = false;
};

// `slot` must have been read before the archive: both only move forward, so what is ahead of the
// archive then has been lost, and is not merely newer. `source.written` must have been read after
// it: what is ahead of the source then is no part of it, and not merely newer. No gap also where
// the archive cannot go on: kWrongSource for a source that is behind the archive, and so an older
// copy; kUnavailable for a standby that has still to catch up.
Result<std::optional<Gap>> FindGap(const ArchivePosition& archive, const Source& source,
                                   const TimelineHistory& history,
                                   const std::optional<SlotInfo>& slot);

}  // namespace trunkline
