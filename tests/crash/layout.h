// Layout: what an archive's names tell of it, without opening an object.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/catalog.h"
#include "base/lsn.h"

namespace trunkline::crash {

// Segments without a gap between them. Begin exclusive, end inclusive, as of segments.
struct Stretch {
  Lsn begin;
  Lsn end;

  bool Contains(Lsn end_of_transaction) const {
    return begin < end_of_transaction && end_of_transaction <= end;
  }
};

class Layout {
 public:
  // Of the archive in `folder`; an empty one where there is none. Also of the folder of what is
  // confirmed with --confirm spooled.
  explicit Layout(const std::string& folder);

  // The end of the last segment, a gap or not; Lsn{} where there is none.
  Lsn end() const;
  const std::vector<Stretch>& gaps() const { return gaps_; }
  // In order; a gap is between each two.
  const std::vector<Stretch>& stretches() const { return stretches_; }
  int segments() const { return static_cast<int>(catalog_.segments.size()); }

  // The oldest complete snapshot, but for one within a gap: what it has of tables copied before the
  // gap cannot be brought on.
  std::optional<Lsn> first_snapshot() const;
  // Whether a complete snapshot, and from there segments without a gap, lead to `target`.
  bool Reaches(Lsn target) const;

 private:
  Catalog catalog_;
  std::vector<Stretch> gaps_;
  std::vector<Stretch> stretches_;
};

}  // namespace trunkline::crash
