// trunkline history: each version of a row, oldest first.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "archive/stream_definition.h"
#include "replay/command.h"
#include "replay/history_format.h"
#include "replay/history_query.h"
#include "replay/index_reader.h"
#include "replay/newest_catalog.h"
#include "replay/progress.h"
#include "replay/target.h"

namespace trunkline {
namespace {

constexpr size_t kHistoryBufferBytes = 64 << 10;

struct HistoryOptions {
  std::string archive;
  std::string table;
  std::string key;
  std::string from;
  std::string to = "latest";
  std::string at;
  std::string format = "text";
  std::string index;
};

Result<Lsn> Resolve(const Store& store, const Catalog& catalog, const std::string& text) {
  ASSIGN_OR_RETURN(const Target target, ParseTarget(text));
  return ResolveLimit(store, catalog, target);
}

Result<HistoryRequest> MakeRequest(const Store& store, const Catalog& catalog,
                                   const HistoryOptions& options) {
  HistoryRequest request;
  request.table = options.table;
  request.key = options.key;
  ASSIGN_OR_RETURN(request.until,
                   Resolve(store, catalog, options.at.empty() ? options.to : options.at));
  if (!options.at.empty()) {
    request.from = request.until;
  } else if (options.from.empty()) {
    ASSIGN_OR_RETURN(request.from, FirstStateOf(catalog));
  } else {
    ASSIGN_OR_RETURN(request.from, Resolve(store, catalog, options.from));
  }
  if (request.until < request.from) {
    return Fail(ErrorKind::kInvalidArgument,
                options.from.empty() ? "--to is before the archive's first base snapshot, LSN " +
                                           request.from.ToString()
                                     : "--to is before --from");
  }
  return request;
}

// The index that was asked for, or the one in its usual place; null where that is missing, or is no
// good.
Result<std::unique_ptr<IndexReader>> FindIndex(const Store& store, const Catalog& catalog,
                                               const std::string& asked) {
  std::string folder = asked;
  if (folder.empty()) {
    const Result<std::string> usual = DefaultIndexFolder(catalog.identity);
    if (!usual) return std::unique_ptr<IndexReader>();
    folder = *usual;
  }
  Result<std::unique_ptr<IndexReader>> index = IndexReader::Open(store, catalog, folder);
  if (index) return index;
  const bool missing = index.error().kind == ErrorKind::kNotFound;
  if (missing && !asked.empty()) {
    return Fail(Error{ErrorKind::kNotFound, index.error().message, "trunkline index makes one"});
  }
  if (!missing) {
    const std::string line =
        "trunkline: the archive is read without its index: " + index.error().ToString() + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  return std::unique_ptr<IndexReader>();
}

Result<void> WriteHistory(std::string* buffer) {
  const size_t written = std::fwrite(buffer->data(), 1, buffer->size(), stdout);
  if (written != buffer->size()) {
    return Fail(ErrnoError("cannot write to standard output", errno));
  }
  buffer->clear();
  return {};
}

Result<void> PrintHistory(const HistoryAnswer& answer, HistoryFormat* format) {
  std::string buffer;
  size_t number = 0;
  for (const RowLife& life : answer.lives) {
    ++number;
    const RowVersion* before = nullptr;
    for (const RowVersion& version : life) {
      format->Add(number, before, version, &buffer);
      before = &version;
      if (buffer.size() >= kHistoryBufferBytes) TRY(WriteHistory(&buffer));
    }
  }
  return WriteHistory(&buffer);
}

// What is not in the answer, as far as that is known.
Result<void> CheckWhole(const HistoryAnswer& answer, const HistoryRequest& request) {
  const std::string table = NameOf(answer.table->relation);
  if (!answer.doubts.empty()) {
    const TableDoubt& doubt = answer.doubts.front();
    return Fail(ErrorKind::kGap,
                "the rows of " + table + " cannot all be told from LSN " + doubt.from.ToString() +
                    (doubt.until ? " to " + doubt.until->ToString() : " on") + ": " + doubt.reason,
                "choose a range outside of this one");
  }
  if (!answer.lives.empty()) return {};
  return Fail(ErrorKind::kNotFound,
              table + " has no row with this key " +
                  (request.from == request.until ? "at LSN " + request.until.ToString()
                                                 : "from LSN " + request.from.ToString() + " to " +
                                                       request.until.ToString()));
}

Result<void> RunHistory(const HistoryOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<HistoryFormat> format, NewHistoryFormat(options.format));
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  std::optional<Progress> progress(std::in_place, "Reading");
  HistoryRequest request;
  const auto read = [&](const Catalog& now) -> Result<HistoryAnswer> {
    ASSIGN_OR_RETURN(request, MakeRequest(*store, now, options));
    ASSIGN_OR_RETURN(const std::unique_ptr<IndexReader> index,
                     FindIndex(*store, now, options.index));
    request.progress = [&](uint64_t done, uint64_t total) { progress->Update(done, total); };
    return ReadHistory(*store, now, request, index.get());
  };
  ASSIGN_OR_RETURN(const HistoryAnswer answer,
                   OnNewestCatalog<HistoryAnswer>(*store, catalog, read));
  progress.reset();
  TRY(PrintHistory(answer, format.get()));
  return CheckWhole(answer, request);
}

}  // namespace

void AddHistoryCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<HistoryOptions>();
  CLI::App* command = app->add_subcommand("history", "Print each version of a row, oldest first");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--table", options->table, "The row's table: table or schema.table")
      ->required();
  command
      ->add_option("--key", options->key,
                   "The values of its replica identity's columns, or of the primary key's under "
                   "REPLICA IDENTITY FULL, as a CSV line")
      ->required();
  CLI::Option* from = command->add_option(
      "--from", options->from, "Versions from this target on (default: the first snapshot)");
  CLI::Option* to =
      command->add_option("--to", options->to, "Versions up to this target (default: latest)");
  command->add_option("--at", options->at, "Just the version in force at this target")
      ->excludes(from)
      ->excludes(to);
  command->add_option("--format", options->format, "text (default) or jsonl")
      ->check(CLI::IsMember({"text", "jsonl"}));
  command->add_option("--index", options->index, kIndexHelp);
  command->callback([=] { context->run = [=] { return RunHistory(*options); }; });
}

}  // namespace trunkline
