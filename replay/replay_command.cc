// trunkline replay: rebuilds the state at a target into a destination.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/noted_warnings.h"
#include "replay/command.h"
#include "replay/destination.h"
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

std::string Count(size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

Result<void> PrintPlan(const Store& store, const Catalog& catalog, const ResolvedTarget& target,
                       const std::vector<Lsn>& skip) {
  ASSIGN_OR_RETURN(const RebuildPlan plan, PlanRebuild(store, catalog, target, {.skip = skip}));
  std::printf("target    %s\n", target.ToString().c_str());
  if (target.instant) std::printf("as of     %s\n", target.instant->ToString().c_str());
  for (const RebuildPlan::Step& step : plan.steps) {
    std::printf("%s  LSN %s, %s\n", step.tables.base ? "snapshot" : "tables  ",
                step.tables.lsn.ToString().c_str(),
                Count(step.tables.parts.size(), "part").c_str());
  }
  std::printf("segments  %zu\n", plan.segments.size());
  std::printf("to read   %s\n", FormatBytes(plan.bytes).c_str());
  return {};
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
  if (options.json && options.to.ends_with(":-")) {
    return Fail(ErrorKind::kInvalidArgument, "--json and --to both need standard output",
                "name a file");
  }
  std::optional<ResultOfReplay> result;
  if (options.json) result.emplace(&options);
  ASSIGN_OR_RETURN(const std::unique_ptr<Destination> destination,
                   OpenDestination(options.to, options.destination));
  TRY(CheckApart(DestinationPath(options.to), options.archive));
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  ASSIGN_OR_RETURN(ResolvedTarget resolved, ResolveTarget(*store, catalog, target));
  if (as_of) resolved.instant = as_of;
  TRY(destination->Check());
  ASSIGN_OR_RETURN(const std::unique_ptr<WhatIf> what_if,
                   WhatIf::Make(options.what_if, *store, catalog, resolved));
  if (options.dry_run) return PrintPlan(*store, catalog, resolved, what_if->skip());
  destination->Prepare();
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
  CLI::Option* dry_run = command->add_flag("--dry-run", options->dry_run,
                                           "Print what would be read, and write nothing");
  command->add_flag("--json", options->json, "Print JSON on what was rebuilt")->excludes(dry_run);
  command->callback([=] { context->run = [=] { return RunReplay(*options); }; });
}

}  // namespace trunkline
