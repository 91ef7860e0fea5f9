// StateMemory: how much memory the rows of a state may take, and where they go beyond that.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "replay/memory_options.h"
#include "replay/row_store.h"

namespace trunkline {

class SpillDatabase;

// Shared by the tables of a state. One thread.
class StateMemory {
 public:
  // Removes what a process that was killed has left on disk.
  explicit StateMemory(MemoryOptions options);

  // What rows in memory may take together; some of it is for what they come to before somebody
  // looks. It becomes less once there are rows on disk, which takes memory of its own.
  uint64_t row_bytes() const;
  // What to come down to when they take more: looking for room again at once would gain little.
  uint64_t fewer_row_bytes() const;
  // What keeping rows on disk takes, once there are any.
  uint64_t database_bytes() const;
  // A store on disk, in a folder that goes with the last of them.
  Result<std::unique_ptr<RowStore>> NewSpilledRows(const RowIdentity& identity);

 private:
  MemoryOptions options_;
  std::shared_ptr<SpillDatabase> database_;  // once there is anything on disk
};

}  // namespace trunkline
