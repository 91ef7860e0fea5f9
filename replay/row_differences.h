// RowDifferences: which rows of a table differ between two instants, in the order of their keys.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "decoder/change.h"
#include "decoder/relation.h"
#include "replay/memory_options.h"
#include "replay/sorted_keys.h"

namespace trunkline {

struct RowDifference {
  static constexpr uint64_t kNoRow = UINT64_MAX;

  uint64_t before = kNoRow;  // numbers of rows
  uint64_t after = kNoRow;
  uint64_t copies = 1;  // of the same row
};

class RowDifferences {
 public:
  // Gathered in so much memory, and on disk beyond it.
  explicit RowDifferences(const MemoryOptions& memory);

  // They are sorted by these columns of the row: integers by their value, other types by their
  // text's first bytes, NULL last; where they agree removed ones come first, then by number. Errors
  // are those of the disk.
  Result<void> Add(const RowDifference& difference, const Relation& relation,
                   const std::vector<size_t>& columns, Tuple row);
  // After the last Add, before ForEach.
  void Sort() { keys_.Sort(); }
  Result<void> ForEach(const std::function<Result<void>(const RowDifference&)>& visit) const;

  bool on_disk() const { return keys_.on_disk(); }

 private:
  SortedKeys keys_;  // each ends with the numbers of a difference
  std::string key_;  // scratch
};

}  // namespace trunkline
