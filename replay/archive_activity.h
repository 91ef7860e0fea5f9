// Activity: how much changes in what time, from the footers of segments.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "archive/segment.h"
#include "base/lsn.h"
#include "base/timestamp.h"

namespace trunkline {

struct Activity {
  std::chrono::microseconds time{};
  uint64_t changes = 0;
  uint64_t bytes = 0;  // of the segments' blocks, compressed

  friend bool operator==(const Activity&, const Activity&) = default;
};

// Commit times on either side of an LSN, as near as footers tell.
struct TimesAround {
  std::optional<Timestamp> after;
  std::optional<Timestamp> before;
};

class ActivityMeter {
 public:
  // In the order of the archive.
  void Add(const BlockStats& block);
  // From the first commit to the last; nothing where there are not two instants.
  std::optional<Activity> OverSpan() const;
  // Of the `window` that ends with the last commit, or less where the first one is later. A block
  // that lies across its beginning counts by the share of its time.
  std::optional<Activity> Recently(std::chrono::microseconds window) const;
  TimesAround Around(Lsn lsn) const;

 private:
  struct Stretch {
    Lsn begin_lsn;
    Lsn end_lsn;
    Timestamp begin;
    Timestamp end;
    uint64_t changes = 0;
    uint64_t bytes = 0;
  };

  std::vector<Stretch> stretches_;  // one a block
  Timestamp first_;
  Timestamp last_;
};

}  // namespace trunkline
