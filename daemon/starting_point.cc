#include "daemon/starting_point.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/timeline_history.h"

namespace trunkline {

using postgres::QuoteIdentifier;

Result<void> StartingPoint::ExamineSlot(const std::optional<SlotFailure>& failure) {
  ASSIGN_OR_RETURN(slot_, FindSlot(connection_, slot_name_));
  if (slot_.has_value() && failure.has_value() && slot_->confirmed_flush <= failure->confirmed) {
    slot_->wal_status = "lost";
    slot_->lost_because = failure->reason;
  }
  return {};
}

Result<void> StartingPoint::CheckSlot() const {
  if (!slot_.has_value()) return {};
  TRY(CheckSlotKind(slot_name_, *slot_, source_.database));
  const std::string name = "the replication slot " + QuoteIdentifier(slot_name_);
  if (slot_->active()) {
    return Fail(ErrorKind::kBusy, name + " is active for PID " + slot_->active_pid,
                "another daemon uses it, or the server has not noticed yet that a connection is "
                "gone; this one takes over then");
  }
  if (slot_->synced && source_.in_recovery) {
    return Fail(ErrorKind::kUnavailable, name + " is the standby's copy of the primary's",
                "it can be used once the standby is promoted");
  }
  return {};
}

Result<Lsn> StartingPoint::Prepare(Appender* appender) {
  TRY(CheckSlot());
  // Without a segment, the archive's end is its base snapshot: the slot began no later than that.
  const bool has_segment = appender->end().valid();
  const ArchivePosition archive{
      .end = has_segment ? appender->end() : appender->newest_snapshot(),
      .complete_to = has_segment ? appender->end() : appender->snapshot_reaches_back_to(),
      .timeline = appender->timeline()};
  if (!archive.end.valid()) return PrepareNew(appender);
  TimelineHistory history;
  if (source_.timeline > archive.timeline) {
    ASSIGN_OR_RETURN(history, ReadTimelineHistory(replication_, source_.timeline));
  }
  // Another daemon may have brought the archive on since the source was asked.
  Source source = source_;
  ASSIGN_OR_RETURN(source.written, CurrentLsn(connection_));
  ASSIGN_OR_RETURN(const std::optional<Gap> gap, FindGap(archive, source, history, slot_));
  // A snapshot may be ahead of the archive's end, and so of a history that was left.
  const bool stops = gap.has_value() && stop_at_gap_;
  if (source_.timeline > archive.timeline && !stops) {
    const std::optional<Lsn> parted = EndOfTimeline(history, archive.timeline);
    TRY(appender->RemoveSnapshotsAfter(std::max(archive.end, parted.value_or(archive.end))));
  }
  if (gap.has_value()) {
    if (!has_segment) appender->set_begin(archive.complete_to);
    return CrossGap(*gap, archive, appender);
  }
  if (source_.timeline > archive.timeline) {
    spdlog::warn(
        "failover: the source is on timeline {} now; the archive, up to {} on timeline "
        "{}, is part of its history",
        source_.timeline, archive.end.ToString(), archive.timeline);
  }
  if (has_segment) return archive.end;
  appender->set_begin(slot_->confirmed_flush);
  return slot_->confirmed_flush;
}

Result<Lsn> StartingPoint::PrepareNew(Appender* appender) {
  if (slot_.has_value() && slot_->lost()) {
    return Fail(ErrorKind::kFailed,
                "the replication slot " + QuoteIdentifier(slot_name_) + " has lost its WAL",
                "drop it, unless another archive needs it, or choose another name with --slot");
  }
  ASSIGN_OR_RETURN(const Lsn begin, UsableSlot());
  appender->set_begin(begin);
  return begin;
}

Result<Lsn> StartingPoint::CrossGap(const Gap& gap, const ArchivePosition& archive,
                                    Appender* appender) {
  const Lsn complete_to = archive.complete_to;
  if (stop_at_gap_) {
    return Fail(ErrorKind::kGap,
                "changes after " + complete_to.ToString() + " are lost: " + gap.reason,
                "start with --on-gap continue, which records the gap and goes on with a new base "
                "snapshot, or begin a new archive");
  }
  Lsn begin;
  if (gap.diverged) {
    ASSIGN_OR_RETURN(begin, CurrentLsn(connection_));
    if (begin <= archive.end) {
      return Fail(ErrorKind::kUnavailable,
                  gap.reason + "; the archive goes on once the source's WAL, now at " +
                      begin.ToString() + ", has passed its end",
                  "SELECT pg_switch_wal() on the source hastens that");
    }
  }
  ASSIGN_OR_RETURN(const Lsn slot_begin, UsableSlot());
  begin = std::max(begin, slot_begin);
  // A slot made anew before anything was written lost nothing.
  if (begin <= complete_to) return complete_to;
  spdlog::error(
      "GAP: the changes between {} and {} are lost: {}. The archive goes on with a new "
      "base snapshot; targets in between cannot be reached",
      complete_to.ToString(), begin.ToString(), gap.reason);
  TRY(appender->AppendGap(begin, gap.reason, source_.timeline, source_.server_version));
  return begin;
}

// The slot, made where it is missing and made anew where it is of no use any more; returns where it
// begins.
Result<Lsn> StartingPoint::UsableSlot() {
  if (slot_.has_value() && !slot_->lost()) return slot_->confirmed_flush;
  if (slot_.has_value()) {
    TRY(DropSlot(replication_, slot_name_));
    spdlog::warn("dropped the slot {}, which is of no use any more", slot_name_);
  }
  spdlog::info("making the slot {}: waiting for the transactions under way", slot_name_);
  ASSIGN_OR_RETURN(const Lsn begin, CreateSlot(replication_, slot_name_));
  spdlog::info("made the slot {} at {}", slot_name_, begin.ToString());
  return begin;
}

}  // namespace trunkline
