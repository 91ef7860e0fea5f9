#include "daemon/snapshot_policy.h"

#include <algorithm>

namespace trunkline {

void SnapshotPolicy::NoteBase(Lsn lsn) {
  base_ = std::max(base_, lsn);
  bytes_ = 0;
  first_commit_.reset();
}

void SnapshotPolicy::AddSegment(const SegmentReader& reader) {
  for (const BlockStats& block : reader.blocks()) {
    if (block.commit_lsn_max < base_) continue;
    bytes_ += block.size;
    const bool timed = block.commit_time_max != Timestamp{} && block.commit_lsn_min >= base_;
    if (timed && !first_commit_) first_commit_ = block.commit_time_min;
  }
}

bool SnapshotPolicy::IsDue(Timestamp now) const {
  if (every_.bytes && bytes_ >= *every_.bytes) return true;
  const auto wait = NotDueFor(now);
  return wait && wait->count() == 0;
}

std::optional<std::chrono::milliseconds> SnapshotPolicy::NotDueFor(Timestamp now) const {
  if (!every_.age || !first_commit_) return std::nullopt;
  const std::chrono::milliseconds passed((now.micros - first_commit_->micros) / 1000);
  return std::max(*every_.age - passed, std::chrono::milliseconds(0));
}

}  // namespace trunkline
