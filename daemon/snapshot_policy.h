// SnapshotPolicy: when a new base snapshot is due, so that rebuilds never begin far before their
// target. Goes by what is archived alone, so that a restart finds the same.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "archive/segment_reader.h"
#include "base/lsn.h"
#include "base/timestamp.h"
#include "daemon/options.h"

namespace trunkline {

class SnapshotPolicy {
 public:
  explicit SnapshotPolicy(SnapshotEvery every) : every_(every) {}

  bool enabled() const { return every_.age.has_value() || every_.bytes.has_value(); }
  // There is a base snapshot at `lsn`, the newest: what comes before it counts no more.
  void NoteBase(Lsn lsn);
  // The next segment, by its footer.
  void AddSegment(const SegmentReader& reader);

  bool IsDue(Timestamp now) const;
  // How long it will not be due for unless more is archived; nothing: for ever.
  std::optional<std::chrono::milliseconds> NotDueFor(Timestamp now) const;

 private:
  const SnapshotEvery every_;
  Lsn base_;
  uint64_t bytes_ = 0;                     // of blocks with changes since
  std::optional<Timestamp> first_commit_;  // of a transaction since, by the source's clock
};

}  // namespace trunkline
