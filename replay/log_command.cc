// trunkline log: the changes between two targets, as text.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/rebuild_start.h"
#include "archive/stream_definition.h"
#include "base/log.h"
#include "replay/command.h"
#include "replay/log_filter.h"
#include "replay/log_format.h"
#include "replay/log_undo.h"
#include "replay/memory_options.h"
#include "replay/newest_catalog.h"
#include "replay/output_file.h"
#include "replay/progress.h"
#include "replay/read_ahead.h"
#include "replay/target.h"

namespace trunkline {
namespace {

constexpr size_t kLogBufferBytes = 64 << 10;

struct LogOptions {
  std::string archive;
  std::string from;
  std::string to = "latest";
  std::string table;
  std::optional<std::string> key;
  std::string format = "text";
  std::string scratch = std::filesystem::temp_directory_path().native();
  MemoryOptions memory;  // of undo
};

// Writes the changes that pass the filter, each in its transaction.
class LogPrinter {
 public:
  LogPrinter(LogFormat* format, const LogFilter& filter) : format_(format), filter_(filter) {
    format_->Header(&buffer_);
  }

  Result<void> Add(const ReadAhead::Item& item, Lsn from, Lsn to) {
    if (item.reader != reader_) format_->ForgetRelations();
    reader_ = item.reader;
    for (const TransactionSlice& slice : item.block.slices()) {
      if (!IsBetween(slice.info, from, to)) continue;
      TRY(AddSlice(slice, item.block.changes().subspan(slice.first_change, slice.change_count)));
    }
    return {};
  }

  Result<void> Finish() {
    Close();
    return Flush();
  }

  // Where to begin again, instead of `from`, when what comes next was merged into other blocks: at
  // the last transaction seen, whose changes that are printed already are passed over then.
  Lsn BeginAgainAt(Lsn from) {
    to_pass_over_ = printed_;
    return last_ ? last_->commit_lsn : from;
  }

 private:
  // A transaction belongs by where its commit record begins. Of a message outside of transactions,
  // the LSN known is where its record ends.
  static bool IsBetween(const TransactionInfo& info, Lsn from, Lsn to) {
    if (!info.xid.valid()) return from < info.commit_lsn && info.commit_lsn <= to;
    return from <= info.commit_lsn && info.commit_lsn < to;
  }

  Result<void> AddSlice(const TransactionSlice& slice, std::span<const Change> changes) {
    const bool seen = last_ && IsSame(slice.info, *last_);
    if (!seen) printed_ = to_pass_over_ = 0;
    last_ = slice.info;
    // Without a filter a transaction is shown even where it has no change.
    if (slice.begins && filter_.all() && !seen) Open(slice.info);
    for (const Change& change : changes) {
      if (IsDefinition(change)) {
        ASSIGN_OR_RETURN(const Definition definition, ParseDefinition(change.content));
        format_->Learn(definition);
      }
      ASSIGN_OR_RETURN(const bool matches, filter_.Matches(change));
      if (!matches) continue;
      if (to_pass_over_ > 0) {
        --to_pass_over_;
        continue;
      }
      Open(slice.info);
      ++printed_;
      TRY(format_->Add(slice.info, change, &buffer_));
      if (buffer_.size() >= kLogBufferBytes) TRY(Flush());
    }
    if (slice.ends) Close();
    return {};
  }

  // A message that stands alone has the LSN where its record ends, which may be a commit record's.
  static bool IsSame(const TransactionInfo& a, const TransactionInfo& b) {
    return a.commit_lsn == b.commit_lsn && a.xid == b.xid;
  }

  void Open(const TransactionInfo& transaction) {
    if (!transaction.xid.valid()) return;  // a message outside of transactions
    if (open_ && open_->commit_lsn == transaction.commit_lsn) return;
    Close();
    format_->Begin(transaction, &buffer_);
    open_ = transaction;
  }

  // A transaction's end may lie in a block that the filter passed over.
  void Close() {
    if (open_) format_->Commit(*open_, &buffer_);
    open_.reset();
  }

  Result<void> Flush() {
    const size_t written = std::fwrite(buffer_.data(), 1, buffer_.size(), stdout);
    if (written != buffer_.size()) {
      return Fail(ErrnoError("cannot write to standard output", errno));
    }
    buffer_.clear();
    return {};
  }

  LogFormat* format_;
  const LogFilter& filter_;
  std::string buffer_;
  std::optional<TransactionInfo> open_;
  std::shared_ptr<const SegmentReader> reader_;
  std::optional<TransactionInfo> last_;  // seen
  uint64_t printed_ = 0;                 // of its changes
  uint64_t to_pass_over_ = 0;            // of these, when it comes again
};

// The tables that a filter names, as far as they have been seen.
class NamedTables {
 public:
  explicit NamedTables(const LogFilter& filter) : filter_(filter) {}

  // kInvalidArgument when another schema has such a table as well: their changes would be mixed.
  Result<void> See(const Relation& relation) {
    if (filter_.all() || !filter_.NamesTable(relation)) return {};
    if (oid_ == 0) schema_ = relation.schema;
    if (oid_ != 0 && oid_ != relation.oid && schema_ != relation.schema) {
      return Fail(ErrorKind::kInvalidArgument,
                  "more than one schema has a table \"" + relation.name + "\": " + schema_ +
                      " and " + relation.schema,
                  "name it as schema.table");
    }
    oid_ = relation.oid;
    return {};
  }
  bool any() const { return oid_ != 0; }

 private:
  const LogFilter& filter_;
  uint32_t oid_ = 0;
  std::string schema_;
};

struct Range {
  Lsn from;
  Lsn to;
};

Result<Range> ResolveRange(const Store& store, const Catalog& catalog, const LogOptions& options) {
  Range range;
  if (!options.from.empty()) {
    ASSIGN_OR_RETURN(const Target from, ParseTarget(options.from));
    ASSIGN_OR_RETURN(range.from, ResolveLimit(store, catalog, from));
  }
  // What was removed is missing from a range that was asked for, and no part of all that there is.
  if (!catalog.segments.empty() && (options.from.empty() || !catalog.retained)) {
    range.from = std::max(range.from, catalog.segments.front().begin);
  }
  ASSIGN_OR_RETURN(const Target to, ParseTarget(options.to));
  ASSIGN_OR_RETURN(range.to, ResolveLimit(store, catalog, to));
  if (range.to < range.from) {
    return Fail(
        ErrorKind::kInvalidArgument,
        "--to, LSN " + range.to.ToString() + ", is before --from, LSN " + range.from.ToString());
  }
  return range;
}

Result<std::vector<SegmentEntry>> SegmentsOf(const Catalog& catalog, const Range& range) {
  Result<std::vector<SegmentEntry>> segments = SegmentsBetween(catalog, range.from, range.to);
  if (segments || segments.error().kind != ErrorKind::kGap) return segments;
  Error error = std::move(segments).error();
  error.hint = "choose --from and --to on one side of it; trunkline info lists the gaps";
  return Fail(std::move(error));
}

// Teaches `format` the types that the snapshots know, and `named` their tables. What was archived
// before the first snapshot has the types that it knows, if any.
Result<void> LearnFromSnapshots(const Store& store, const Catalog& catalog, const Range& range,
                                NamedTables* named, LogFormat* format) {
  ASSIGN_OR_RETURN(const std::vector<TablesAt> snapshots, SnapshotsFrom(store, catalog, Lsn{}));
  for (const TablesAt& snapshot : snapshots) {
    if (snapshot.lsn > range.to && &snapshot != &snapshots.front()) break;
    ASSIGN_OR_RETURN(const Definition definition, ParseDefinition(snapshot.definition));
    format->Learn(definition);
    for (const SnapshotPart& part : snapshot.parts) TRY(named->See(part.relation));
  }
  return {};
}

Result<void> RunUndo(const Store& store, const Catalog& catalog, const LogFilter& filter,
                     const LogOptions& options) {
  UndoOptions undo;
  if (!options.from.empty()) {
    ASSIGN_OR_RETURN(undo.from, ParseTarget(options.from));
  }
  ASSIGN_OR_RETURN(undo.to, ParseTarget(options.to));
  undo.table = options.table;
  undo.scratch_folder = options.scratch;
  undo.memory = options.memory;
  std::optional<Progress> progress("Reading");
  undo.progress = [&](uint64_t done, uint64_t total) { progress->Update(done, total); };
  ASSIGN_OR_RETURN(OutputFile output, OutputFile::Open({}));
  const auto write = [&](const Catalog& now) {
    return WriteUndo(store, now, filter, undo, [&](std::string_view text) {
      progress.reset();
      return output.Write(text);
    });
  };
  // It has read everything before it writes.
  ASSIGN_OR_RETURN(const UndoOutcome outcome, OnNewestCatalog<UndoOutcome>(store, catalog, write));
  for (const std::string& warning : outcome.warnings) spdlog::warn("{}", warning);
  return output.Finish();
}

class ForwardLog {
 public:
  ForwardLog(const Store& store, const LogFilter& filter, const LogOptions& options,
             LogFormat* format)
      : store_(store),
        filter_(filter),
        options_(options),
        format_(format),
        named_(filter),
        printer_(format, filter) {}

  // Where segments were merged or removed before they were come to, goes on with what is listed
  // then, from where it is.
  Result<void> Print(Catalog catalog) {
    for (int fruitless = 0;; ++fruitless) {
      const Lsn before = printer_.BeginAgainAt(Lsn{});
      const Result<void> printed = PrintRest(catalog);
      if (printed) break;
      const bool further = printer_.BeginAgainAt(Lsn{}) > before;
      if (further) fruitless = 0;
      if (!WasOvertaken(printed.error()) || fruitless == kMostFruitless) return printed;
      ASSIGN_OR_RETURN(catalog, LoadCatalog(store_));
    }
    TRY(printer_.Finish());
    if (named_.any() || filter_.all()) return {};
    return Fail(ErrorKind::kNotFound, "the archive knows no table \"" + options_.table + "\"",
                "trunkline info lists the tables");
  }

 private:
  static constexpr int kMostFruitless = 3;

  Result<void> PrintRest(const Catalog& catalog) {
    if (!range_) {
      ASSIGN_OR_RETURN(range_, ResolveRange(store_, catalog, options_));
    }
    const Range rest{printer_.BeginAgainAt(range_->from), range_->to};
    ASSIGN_OR_RETURN(const std::vector<SegmentEntry> segments, SegmentsOf(catalog, rest));
    TRY(LearnFromSnapshots(store_, catalog, rest, &named_, format_));
    std::vector<ObjectInfo> objects;
    uint64_t total = 0;
    for (const SegmentEntry& segment : segments) {
      objects.push_back({segment.name, segment.size});
      total += segment.size;
    }
    std::optional<Progress> progress;
    if (isatty(STDOUT_FILENO) == 0) progress.emplace("Reading");
    ReadAhead blocks(
        store_, std::move(objects), [&](const SegmentReader& reader, const BlockStats& block) {
          return block.commit_lsn_max >= rest.from && block.commit_lsn_min <= rest.to &&
                 (block.has_messages || filter_.MayMatch(reader, block));
        });
    for (;;) {
      ASSIGN_OR_RETURN(const ReadAhead::Item* item, blocks.Next());
      if (item == nullptr) return {};
      for (const Relation& relation : item->reader->relations()) TRY(named_.See(relation));
      TRY(printer_.Add(*item, rest.from, rest.to));
      if (progress) progress->Update(item->position, total);
    }
  }

  const Store& store_;
  const LogFilter& filter_;
  const LogOptions& options_;
  LogFormat* const format_;
  NamedTables named_;
  LogPrinter printer_;
  std::optional<Range> range_;
};

Result<void> RunLog(const LogOptions& options) {
  std::unique_ptr<LogFormat> format;
  if (options.format != "undo") {
    ASSIGN_OR_RETURN(format, NewLogFormat(options.format));
  }
  ASSIGN_OR_RETURN(const LogFilter filter, LogFilter::Make(options.table, options.key));
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  if (format == nullptr) return RunUndo(*store, catalog, filter, options);
  return ForwardLog(*store, filter, options, format.get()).Print(catalog);
}

}  // namespace

void AddLogCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<LogOptions>();
  CLI::App* command = app->add_subcommand("log", "Print the changes between two targets");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--from", options->from, "Changes after this target (default: the first)");
  command->add_option("--to", options->to, "Changes up to this target (default: latest)");
  command->add_option("--table", options->table, "Just this table: table or schema.table");
  command->add_option("--key", options->key,
                      "Just the row with these values of its replica identity, as a CSV line");
  command
      ->add_option("--format", options->format,
                   "text (default), jsonl, csv, sql, or undo: SQL that takes the changes back")
      ->check(CLI::IsMember({"text", "jsonl", "csv", "sql", "undo"}));
  command->add_option("--scratch", options->scratch, "A folder for scratch files, of undo");
  AddMemoryOptions(command, &options->memory);
  command->callback([=] { context->run = [=] { return RunLog(*options); }; });
}

}  // namespace trunkline
