#include "replay/snapshot_writer.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "archive/appender.h"
#include "archive/listed_segment.h"
#include "archive/segment_writer.h"

namespace trunkline {
namespace {

constexpr uint64_t kPartBytes = 64 << 20;  // about; of encoded rows
constexpr uint64_t kRowsPerLook = 4096;

// Writes one table's rows as parts.
class TableWriter {
 public:
  TableWriter(const Appender& appender, const TableState& table, Lsn lsn, SegmentOptions options)
      : appender_(appender),
        table_(table),
        lsn_(lsn),
        options_(std::move(options)),
        writer_(options_) {}

  Result<std::vector<SnapshotPart>> Run() {
    TRY(BeginPart());
    TRY(table_.ForEachRow(0, table_.row_count(), [this](Tuple row) { return Add(row); }));
    TRY(EndPart());
    return std::move(parts_);
  }

 private:
  Result<void> Add(Tuple row) {
    if (++rows_ % kRowsPerLook == 0 && writer_.encoded_bytes() >= kPartBytes) {
      TRY(EndPart());
      TRY(BeginPart());
    }
    Change change;
    change.relation = &table_.relation();
    change.new_tuple = row;
    return writer_.OnChange(change);
  }

  Result<void> BeginPart() {
    TransactionInfo transaction;
    transaction.commit_lsn = lsn_;
    return writer_.Begin(transaction);
  }

  Result<void> EndPart() {
    TransactionInfo transaction;
    transaction.commit_lsn = lsn_;
    transaction.end_lsn = lsn_;
    TRY(writer_.Commit(transaction));
    SegmentWriter finished = std::exchange(writer_, SegmentWriter(options_));
    const auto number = static_cast<uint32_t>(parts_.size());
    ASSIGN_OR_RETURN(SnapshotPart part, appender_.PutSnapshotPart(std::move(finished), lsn_,
                                                                  table_.relation(), number));
    parts_.push_back(std::move(part));
    return {};
  }

  const Appender& appender_;
  const TableState& table_;
  const Lsn lsn_;
  const SegmentOptions options_;
  SegmentWriter writer_;
  uint64_t rows_ = 0;
  std::vector<SnapshotPart> parts_;
};

struct Origin {
  uint32_t timeline = 0;
  uint32_t server_version = 0;
};

// Of the source at `lsn`: what the segment says that reaches it, or the snapshot that the state
// came from where no segment does.
Result<Origin> OriginAt(const Store& store, const Catalog& catalog, const ResolvedTarget& target) {
  std::string name = SnapshotManifestName(target.snapshot);
  for (const SegmentEntry& segment : catalog.segments) {
    if (!segment.gap && segment.begin < target.limit) name = segment.name;
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store, name));
  return Origin{reader->header().timeline, reader->header().server_version};
}

}  // namespace

Result<WrittenSnapshot> WriteSnapshot(Store* store, const Catalog& catalog,
                                      const DatabaseState& state,
                                      const std::string& scratch_directory) {
  ASSIGN_OR_RETURN(const Origin origin, OriginAt(*store, catalog, state.target));
  ASSIGN_OR_RETURN(const std::unique_ptr<Appender> appender,
                   Appender::OpenExisting(store, catalog.identity));
  SegmentOptions options;
  options.scratch_directory = scratch_directory;
  WrittenSnapshot written{.lsn = state.target.limit, .tables = state.tables.size()};
  std::vector<SnapshotPart> parts;
  for (const std::unique_ptr<TableState>& table : state.tables) {
    ASSIGN_OR_RETURN(std::vector<SnapshotPart> of_table,
                     TableWriter(*appender, *table, written.lsn, options).Run());
    written.rows += table->row_count();
    std::move(of_table.begin(), of_table.end(), std::back_inserter(parts));
  }
  written.parts = parts.size();
  TRY(appender->CompleteSnapshot(written.lsn, std::move(parts), FormatDefinition(state.definition),
                                 origin.timeline, origin.server_version));
  return written;
}

}  // namespace trunkline
