// csv:DIR, a file a table. The files are written into a hidden directory beside DIR, which takes
// DIR's name when all of them are durable.
#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "base/percent.h"
#include "replay/csv_file.h"
#include "replay/csv_format.h"
#include "replay/destination.h"
#include "replay/staging_directory.h"

namespace trunkline {
namespace {

constexpr size_t kBufferBytes = 1 << 20;
constexpr uint64_t kRowsAtOnce = 16 << 10;

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
    for (const auto& table : state.tables) {
      TRY(WriteTable(*table, staging.path(), [&](uint64_t rows) {
        done += rows;
        if (progress) progress(done, total);
      }));
    }
    TRY(staging.Publish(force_));
    return "wrote " + std::to_string(total) + " rows of " + std::to_string(state.tables.size()) +
           " tables to " + directory_;
  }

 private:
  static Result<void> WriteTable(const TableState& table, const std::string& folder,
                                 const std::function<void(uint64_t rows)>& wrote) {
    const Relation& relation = table.relation();
    ASSIGN_OR_RETURN(CsvFile file, CsvFile::Create(folder + "/" + PercentEncode(relation.schema) +
                                                   "." + PercentEncode(relation.name) + ".csv"));
    std::string buffer;
    AppendCsvHeader(relation, &buffer);
    const auto add = [&](Tuple row) -> Result<void> {
      AppendCsvRow(row, &buffer);
      if (buffer.size() < kBufferBytes) return {};
      TRY(file.Write(buffer));
      buffer.clear();
      return {};
    };
    for (uint64_t first = 0; first < table.row_count(); first += kRowsAtOnce) {
      const uint64_t count = std::min(kRowsAtOnce, table.row_count() - first);
      TRY(table.ForEachRow(first, count, add));
      wrote(count);
    }
    TRY(file.Write(buffer));
    return file.Finish();
  }

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
