// trunkline replay: rebuilds the state at a target into a destination.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "archive/manifest.h"
#include "base/log.h"
#include "base/noted_warnings.h"
#include "replay/command.h"
#include "replay/destination.h"
#include "replay/explain.h"
#include "replay/progress.h"
#include "replay/replay_result.h"
#include "replay/rows_part.h"
#include "replay/state.h"
#include "replay/what_if.h"

namespace trunkline {
namespace {

struct ReplayOptions {
  std::string archive;
  std::string at;
  std::string to;
  std::string tables;
  std::string rows;
  std::string as_of;
  bool dry_run = false;
  bool verbose = false;
  MemoryOptions memory;
  bool json = false;
  DestinationOptions destination;
  WhatIfOptions what_if;
};

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

// Without what a connection string may hold.
std::string SafeName(const std::string& destination) {
  const std::string scheme = destination.substr(0, destination.find(':'));
  return scheme.starts_with("postgres") ? scheme + "://..." : destination;
}

// Prints all of it, then ends as the destination would have it.
Result<void> Explain(const Store& store, const Catalog& catalog, const ResolvedTarget& target,
                     const ReplayOptions& options, const std::vector<Lsn>& skip,
                     Destination* destination) {
  StateOptions state_options;
  state_options.skip = skip;
  state_options.tables = SplitAtCommas(options.tables);
  ASSIGN_OR_RETURN(Explanation explanation, ExplainRebuild(store, catalog, target, state_options));
  explanation.destination = SafeName(options.to);
  if (const Result<void> check = destination->Check(); !check) explanation.refused = check.error();
  const std::string text =
      options.json ? ToJsonText(explanation) : ToText(explanation, options.verbose);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return explanation.refused ? Result<void>(Fail(*explanation.refused)) : Result<void>();
}

Result<DatabaseState> RebuildAt(const Store& store, const Catalog& catalog,
                                const ResolvedTarget& target, const ReplayOptions& options,
                                const RowsPart& part, WhatIf* what_if) {
  Progress progress("Reading");
  StateOptions state_options;
  state_options.tables = SplitAtCommas(options.tables);
  state_options.part = part;
  state_options.memory = options.memory;
  what_if->Set(&state_options);
  state_options.progress = [&](uint64_t done, uint64_t total) { progress.Update(done, total); };
  return BuildState(store, catalog, target, state_options);
}

// The base snapshot tells of the source's database.
void Prepare(const Store& store, const Catalog& catalog, const ResolvedTarget& target,
             Destination* destination) {
  if (!destination->prepares()) return;
  const SnapshotEntry* base = catalog.SnapshotAtOrBefore(target.limit);
  if (base == nullptr) return;  // the rebuild says so
  const Result<Manifest> manifest = ReadManifest(store, base->lsn);
  if (!manifest) return;
  const Result<Definition> definition = ParseDefinition(manifest->definition);
  if (definition) destination->Prepare(definition->database);
}

Result<std::string> Write(Destination* destination, const DatabaseState& state) {
  Progress progress("Writing");
  return destination->Write(state,
                            [&](uint64_t done, uint64_t total) { progress.Update(done, total); });
}

// Keys and references hold among all of the rows, not within a part of them.
Result<void> CheckTakesParts(const std::string& destination) {
  if (destination.starts_with("csv:")) return {};
  return Fail(ErrorKind::kInvalidArgument, "--rows is for csv: alone",
              "load the parts' files by COPY where a database is wanted");
}

// A result for programs is on its way while `options.json`.
class ResultOfReplay {
 public:
  explicit ResultOfReplay(ReplayOptions* options) {
    result_.asked = options->at;
    result_.destination = options->to;
    options->destination.on_database = [this](const std::string& name) { result_.database = name; };
  }
  ResultOfReplay(const ResultOfReplay&) = delete;
  ResultOfReplay& operator=(const ResultOfReplay&) = delete;

  void Print(const Store& store, const DatabaseState& state) {
    result_.archive = store.url();
    result_.warnings = warnings_.lines();
    result_.seconds = std::chrono::steady_clock::now() - start_;
    const std::string text = ToJson(result_, state);
    std::fwrite(text.data(), 1, text.size(), stdout);
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const NotedWarnings warnings_;
  ReplayResult result_;
};

Result<void> RunReplay(ReplayOptions options) {
  ASSIGN_OR_RETURN(const Target target, ParseTarget(options.at));
  std::optional<Timestamp> as_of;
  if (!options.as_of.empty()) {
    ASSIGN_OR_RETURN(as_of, Timestamp::Parse(options.as_of));
  }
  RowsPart part;
  if (!options.rows.empty()) {
    ASSIGN_OR_RETURN(part, ParseRowsPart(options.rows));
    TRY(CheckTakesParts(options.to));
  }
  if (options.json && !options.dry_run && options.to.ends_with(":-")) {
    return Fail(ErrorKind::kInvalidArgument, "--json and --to both need standard output",
                "name a file");
  }
  std::optional<ResultOfReplay> result;
  if (options.json && !options.dry_run) result.emplace(&options);
  ASSIGN_OR_RETURN(const std::unique_ptr<Destination> destination,
                   OpenDestination(options.to, options.destination));
  TRY(CheckApart(DestinationPath(options.to), options.archive));
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  ASSIGN_OR_RETURN(ResolvedTarget resolved, ResolveTarget(*store, catalog, target));
  if (as_of) resolved.instant = as_of;
  if (!options.dry_run) TRY(destination->Check());
  ASSIGN_OR_RETURN(const std::unique_ptr<WhatIf> what_if,
                   WhatIf::Make(options.what_if, *store, catalog, resolved));
  if (options.dry_run) {
    return Explain(*store, catalog, resolved, options, what_if->skip(), destination.get());
  }
  Prepare(*store, catalog, resolved, destination.get());
  ASSIGN_OR_RETURN(const DatabaseState state,
                   RebuildAt(*store, catalog, resolved, options, part, what_if.get()));
  ASSIGN_OR_RETURN(const std::string report, what_if->Finish());
  ASSIGN_OR_RETURN(const std::string made, Write(destination.get(), state));
  for (const std::string& warning : state.warnings) spdlog::warn("{}", warning);
  std::fprintf(stderr, "%s\n%s%s\n", resolved.ToString().c_str(), report.c_str(), made.c_str());
  if (result) result->Print(*store, state);
  return {};
}

}  // namespace

void AddReplayCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app->add_subcommand("replay", "Rebuild the tables as they were at a target");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--at", options->at, "The target")->required();
  command->add_option("--to", options->to, "csv:DIR, sql:FILE, pgdata:DIR or postgresql://...")
      ->required()
      ->type_name("DEST");
  command->add_option("--tables", options->tables,
                      "Rebuild just these: table or schema.table, with commas between");
  command
      ->add_option("--rows", options->rows,
                   "Write the K-th of N parts of every table's rows, by their keys; csv: alone")
      ->type_name("K/N");
  command
      ->add_option("--create-database", options->destination.create_database,
                   "Make a new database of this name, or of a unique one, on the server;\n"
                   "with pgdata: what the database is called there")
      ->expected(0, 1)
      ->type_name("[NAME]");
  command->add_option("--database-file", options->destination.database_file,
                      "Write the new database's name into this file");
  command->add_option("--jobs", options->destination.jobs, "Connections that load a database")
      ->check(CLI::Range(1, 64));
  command->add_option("--as-of", options->as_of,
                      "What the stages see as their instant (default: the target's commit time)");
  AddWhatIfOptions(command, &options->what_if);
  command->add_flag("--force", options->destination.force, "Replace what the destination holds");
  AddMemoryOptions(command, &options->memory);
  CLI::Option* dry_run = command->add_flag(
      "--dry-run", options->dry_run, "Explain what would be read and how long it takes, only");
  command->add_flag("--verbose", options->verbose, "With --dry-run: each segment too")
      ->needs(dry_run);
  command->add_flag("--json", options->json,
                    "Print JSON on what was rebuilt, or with --dry-run on what would be");
  command->callback([=] { context->run = [=] { return RunReplay(*options); }; });
}

}  // namespace trunkline
