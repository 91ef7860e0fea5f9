#include "daemon/table_copier.h"

#include <utility>

#include "base/fault.h"
#include "daemon/publication.h"
#include "daemon/stop_signal.h"

namespace trunkline {
namespace {

constexpr std::string_view kNull = "\\N";
constexpr uint64_t kRowsPerCheck = 1024;

}  // namespace

std::vector<PageRange> SplitPages(uint64_t pages, uint64_t range_pages, uint64_t begin) {
  std::vector<PageRange> ranges;
  do {
    ranges.push_back({begin, begin + range_pages});
    begin += range_pages;
  } while (begin < pages);
  ranges.back().end = 0;  // it may have grown since
  return ranges;
}

std::string CopyCommand(const DescribedTable& table, PageRange range) {
  std::string columns;
  for (const RelationColumn& column : table.relation.columns) {
    if (!columns.empty()) columns += ", ";
    columns += postgres::QuoteIdentifier(column.name);
  }
  std::string command = "COPY (SELECT " + columns + " FROM ";
  if (!table.partitioned) command += "ONLY ";
  command += QualifiedIdentifier({table.relation.schema, table.relation.name});
  std::string condition = table.row_filter;
  if (!condition.empty() && !(range == PageRange{})) condition = "(" + condition + ")";
  const auto add = [&](const std::string& term) {
    condition += (condition.empty() ? "" : " AND ") + term;
  };
  if (range.begin > 0) add("ctid >= '(" + std::to_string(range.begin) + ",0)'");
  if (range.end > 0) add("ctid < '(" + std::to_string(range.end) + ",0)'");
  if (range.changed_since) {
    const std::string since = std::to_string(*range.changed_since);
    add("pg_catalog.age(xmin) <= pg_catalog.age('" + since + "'::pg_catalog.xid)");
  }
  if (!condition.empty()) command += " WHERE " + condition;
  return command + ") TO STDOUT";
}

Result<void> ParseCopyLine(std::string_view line, std::vector<Value>* tuple,
                           std::vector<std::string>* unescaped) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  const size_t columns = tuple->size();
  if (columns == 0) {
    if (line.empty()) return {};
    return Fail(ErrorKind::kCorrupt, "a COPY line has fields where none are due");
  }
  for (size_t i = 0; i < columns; ++i) {
    const size_t tab = line.find('\t');
    const bool last = i + 1 == columns;
    if (last != (tab == std::string_view::npos)) {
      return Fail(ErrorKind::kCorrupt, "a COPY line has another number of fields than columns");
    }
    const std::string_view field = line.substr(0, tab);
    line.remove_prefix(last ? line.size() : tab + 1);
    if (field == kNull) {
      (*tuple)[i] = Value{};
      continue;
    }
    ASSIGN_OR_RETURN(const std::string_view bytes,
                     postgres::UnescapeCopyText(field, &(*unescaped)[i]));
    (*tuple)[i] = Value{ValueState::kText, bytes};
  }
  return {};
}

TableCopier::TableCopier(const Appender* appender, Lsn snapshot,
                         const SegmentOptions& segment_options, uint64_t part_max_bytes,
                         const DescribedTable& table, PageRange range,
                         std::atomic<uint32_t>* next_part, SnapshotProgress* progress)
    : appender_(appender),
      snapshot_(snapshot),
      segment_options_(segment_options),
      part_max_bytes_(part_max_bytes),
      table_(table),
      range_(range),
      next_part_(next_part),
      progress_(progress),
      writer_(segment_options),
      tuple_(table.relation.columns.size()),
      unescaped_(table.relation.columns.size()) {}

Result<std::vector<SnapshotPart>> TableCopier::Run(postgres::Connection* connection) {
  TRY(BeginPart());
  TRY(connection->CopyOut(CopyCommand(table_, range_),
                          [this](std::string_view line) { return OnLine(line); }));
  progress_->rows += rows_ % kRowsPerCheck;
  TRY(EndPart());
  return std::move(parts_);
}

Result<void> TableCopier::OnLine(std::string_view line) {
  if (++rows_ % kRowsPerCheck == 0) {
    if (StopRequested() || progress_->abandoned) {
      return Fail(ErrorKind::kCancelled, "stopped while tables were being copied");
    }
    progress_->rows += kRowsPerCheck;
    if (writer_.encoded_bytes() >= part_max_bytes_) {
      TRY(EndPart());
      TRY(BeginPart());
    }
  }
  progress_->bytes += line.size();
  if (FAULT_VALUE("snapshot.row", false, true)) return {};
  TRY(ParseCopyLine(line, &tuple_, &unescaped_));
  Change change;
  change.relation = &table_.relation;
  change.new_tuple = tuple_;
  return writer_.OnChange(change);
}

Result<void> TableCopier::BeginPart() {
  TransactionInfo transaction;
  transaction.commit_lsn = snapshot_;
  return writer_.Begin(transaction);
}

Result<void> TableCopier::EndPart() {
  TransactionInfo transaction;
  transaction.commit_lsn = snapshot_;
  transaction.end_lsn = snapshot_;
  TRY(writer_.Commit(transaction));
  SegmentWriter finished = std::exchange(writer_, SegmentWriter(segment_options_));
  ASSIGN_OR_RETURN(SnapshotPart part, appender_->PutSnapshotPart(std::move(finished), snapshot_,
                                                                 table_.relation, (*next_part_)++));
  parts_.push_back(std::move(part));
  return {};
}

}  // namespace trunkline
