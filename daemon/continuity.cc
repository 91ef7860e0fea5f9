#include "daemon/continuity.h"

#include "base/fault.h"

namespace trunkline {
namespace {

std::string OnTimeline(Lsn lsn, uint32_t timeline) {
  return lsn.ToString() + " on timeline " + std::to_string(timeline);
}

tl::unexpected<Error> Behind(const ArchivePosition& archive, const Source& source) {
  const std::string message = "the source has come to " +
                              OnTimeline(source.written, source.timeline) +
                              ", the archive ends at " + OnTimeline(archive.end, archive.timeline);
  if (source.in_recovery) {
    return Fail(ErrorKind::kUnavailable, message, "the standby has still to catch up");
  }
  return Fail(ErrorKind::kWrongSource, message,
              "is it a former primary or a restored copy? name the present primary with --source, "
              "or begin a new archive");
}

// Where the archive's timeline goes over into the source's, if the archive ends past it.
std::optional<Gap> FindDivergence(const ArchivePosition& archive, const Source& source,
                                  const TimelineHistory& history) {
  const std::string diverged = "the archive ends at " + OnTimeline(archive.end, archive.timeline);
  const std::string after = "; what was archived after it is no part of the source's history";
  const std::optional<Lsn> parted = EndOfTimeline(history, archive.timeline);
  if (!parted.has_value()) {
    return Gap{.reason = "failover: " + diverged + ", which is no ancestor of timeline " +
                         std::to_string(source.timeline) + ", the source's",
               .diverged = true};
  }
  if (archive.end <= *parted) return std::nullopt;
  return Gap{.reason = "failover: " + diverged + ", which the source left at " +
                       parted->ToString() + " for timeline " + std::to_string(source.timeline) +
                       after,
             .diverged = true};
}

}  // namespace

Result<std::optional<Gap>> FindGap(const ArchivePosition& archive, const Source& source,
                                   const TimelineHistory& history,
                                   const std::optional<SlotInfo>& slot) {
  if (source.timeline < archive.timeline) return Behind(archive, source);
  if (source.timeline > archive.timeline) {
    std::optional<Gap> gap = FindDivergence(archive, source, history);
    if (gap.has_value()) return gap;
  }
  if (source.written < archive.end) return Behind(archive, source);
  if (!slot.has_value()) {
    return std::optional(Gap{.reason = "the replication slot was gone"});
  }
  if (slot->lost()) {
    return std::optional(Gap{.reason = slot->lost_because.empty()
                                           ? "the replication slot had lost its WAL"
                                           : slot->lost_because});
  }
  if (FAULT_VALUE("continuity.gap", slot->confirmed_flush > archive.complete_to, false)) {
    return std::optional(
        Gap{.reason = "the replication slot had been made anew or moved on: it began at " +
                      slot->confirmed_flush.ToString()});
  }
  return std::optional<Gap>();
}

}  // namespace trunkline
