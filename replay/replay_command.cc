// trunkline replay: rebuilds the state at a target into a destination.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/log.h"
#include "replay/command.h"
#include "replay/destination.h"
#include "replay/progress.h"
#include "replay/rows_part.h"
#include "replay/state.h"

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
  DestinationOptions destination;
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

Result<void> PrintPlan(const Store& store, const Catalog& catalog, const ResolvedTarget& target) {
  ASSIGN_OR_RETURN(const RebuildPlan plan, PlanRebuild(store, catalog, target));
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

Result<DatabaseState> Rebuild(const Store& store, const Catalog& catalog,
                              const ResolvedTarget& target, const ReplayOptions& options,
                              const RowsPart& part) {
  Progress progress("Reading");
  StateOptions state_options;
  state_options.tables = SplitAtCommas(options.tables);
  state_options.part = part;
  state_options.memory = options.memory;
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

Result<void> RunReplay(const ReplayOptions& options) {
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
  ASSIGN_OR_RETURN(const std::unique_ptr<Destination> destination,
                   OpenDestination(options.to, options.destination));
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  ASSIGN_OR_RETURN(ResolvedTarget resolved, ResolveTarget(*store, catalog, target));
  if (as_of) resolved.instant = as_of;
  TRY(destination->Check());
  if (options.dry_run) return PrintPlan(*store, catalog, resolved);
  ASSIGN_OR_RETURN(const DatabaseState state, Rebuild(*store, catalog, resolved, options, part));
  ASSIGN_OR_RETURN(const std::string made, Write(destination.get(), state));
  for (const std::string& warning : state.warnings) spdlog::warn("{}", warning);
  std::fprintf(stderr, "%s\n%s\n", resolved.ToString().c_str(), made.c_str());
  return {};
}

}  // namespace

void AddReplayCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app->add_subcommand("replay", "Rebuild the tables as they were at a target");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--at", options->at, "The target")->required();
  command->add_option("--to", options->to, "csv:DIR or postgresql://...")->required();
  command->add_option("--tables", options->tables,
                      "Rebuild just these: table or schema.table, with commas between");
  command
      ->add_option("--rows", options->rows,
                   "Write the K-th of N parts of every table's rows, by their keys; csv: alone")
      ->type_name("K/N");
  command
      ->add_option("--create-database", options->destination.create_database,
                   "Make a new database of this name, or of a unique one, on the server")
      ->expected(0, 1)
      ->type_name("[NAME]");
  command->add_option("--database-file", options->destination.database_file,
                      "Write the new database's name into this file");
  command->add_option("--jobs", options->destination.jobs, "Connections that load a database")
      ->check(CLI::Range(1, 64));
  command->add_option("--as-of", options->as_of,
                      "What the stages see as their instant (default: the target's commit time)");
  command->add_flag("--force", options->destination.force, "Replace what the destination holds");
  AddMemoryOptions(command, &options->memory);
  command->add_flag("--dry-run", options->dry_run, "Print what would be read, and write nothing");
  command->callback([=] { context->run = [=] { return RunReplay(*options); }; });
}

}  // namespace trunkline
