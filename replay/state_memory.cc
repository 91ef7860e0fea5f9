#include "replay/state_memory.h"

#include <filesystem>
#include <system_error>

#include "replay/spilled_rows.h"

namespace trunkline {
namespace {

std::string DirectoryOf(const MemoryOptions& options) {
  if (!options.directory.empty()) return options.directory;
  std::error_code error;
  const std::filesystem::path temporary = std::filesystem::temp_directory_path(error);
  return error ? "/tmp" : temporary.native();
}

}  // namespace

uint64_t StateMemory::row_bytes() const {
  return database_ == nullptr ? options_.bytes / 4 * 3 : options_.bytes / 4;
}

uint64_t StateMemory::fewer_row_bytes() const { return options_.bytes / 8; }

Result<std::unique_ptr<RowStore>> StateMemory::NewSpilledRows(const RowIdentity& identity) {
  if (database_ == nullptr) {
    ASSIGN_OR_RETURN(database_, OpenSpillDatabase(DirectoryOf(options_), options_.bytes / 2));
  }
  return trunkline::NewSpilledRows(database_, identity);
}

}  // namespace trunkline
