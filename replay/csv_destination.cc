// csv:DIR, a file a table. The files are written into a hidden directory beside DIR, which takes
// DIR's name when all of them are durable.
#include <memory>
#include <utility>

#include "replay/csv_tables.h"
#include "replay/destination.h"
#include "replay/staging_directory.h"

namespace trunkline {
namespace {

class CsvDestination final : public Destination {
 public:
  CsvDestination(std::string directory, bool force)
      : directory_(std::move(directory)), force_(force) {}

  Result<void> Check() override { return CheckReplaceable(directory_, force_); }

  Result<std::string> Write(const DatabaseState& state, const Progress& progress) override {
    TRY(Check());
    ASSIGN_OR_RETURN(StagingDirectory staging, StagingDirectory::MakeFor(directory_));
    uint64_t total = 0;
    for (const auto& table : state.tables) total += table->row_count();
    uint64_t done = 0;
    TRY(WriteCsvTables(state, staging.path(), [&](uint64_t rows) {
      done += rows;
      if (progress) progress(done, total);
    }));
    TRY(staging.Publish(force_));
    return "wrote " + std::to_string(total) + " rows of " + std::to_string(state.tables.size()) +
           " tables to " + directory_;
  }

 private:
  const std::string directory_;
  const bool force_;
};

}  // namespace

Result<std::unique_ptr<Destination>> NewCsvDestination(const std::string& directory,
                                                       const DestinationOptions& options) {
  if (directory.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "csv: names no directory", "write csv:DIR");
  }
  return std::unique_ptr<Destination>(std::make_unique<CsvDestination>(directory, options.force));
}

}  // namespace trunkline
