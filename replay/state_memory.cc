#include "replay/state_memory.h"

#include <utility>

#include "archive/scratch_folder.h"
#include "replay/spill_database.h"
#include "replay/spilled_rows.h"

namespace trunkline {

StateMemory::StateMemory(MemoryOptions options) : options_(std::move(options)) {
  options_.directory = options_.DirectoryOrDefault();
  ScratchFolder::RemoveAbandoned(options_.directory);
}

uint64_t StateMemory::row_bytes() const {
  return database_ == nullptr ? options_.bytes / 4 * 3 : options_.bytes / 4;
}

uint64_t StateMemory::fewer_row_bytes() const { return options_.bytes / 8; }

uint64_t StateMemory::database_bytes() const {
  return database_ == nullptr ? 0 : options_.bytes / 2;
}

Result<std::unique_ptr<RowStore>> StateMemory::NewSpilledRows(const RowIdentity& identity) {
  if (database_ == nullptr) {
    ASSIGN_OR_RETURN(database_, SpillDatabase::Open(options_.directory, options_.bytes / 2));
  }
  return trunkline::NewSpilledRows(database_, identity);
}

}  // namespace trunkline
