// trunkline snapshot: a new base snapshot, made from the archive alone.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "base/log.h"
#include "replay/command.h"
#include "replay/progress.h"
#include "replay/snapshot_writer.h"
#include "replay/state.h"

namespace trunkline {
namespace {

struct SnapshotOptions {
  std::string archive;
  std::string at = "latest";
  std::string scratch = std::filesystem::temp_directory_path().native();
  MemoryOptions memory;
};

Result<DatabaseState> Rebuild(const Store& store, const Catalog& catalog,
                              const ResolvedTarget& target, const MemoryOptions& memory) {
  Progress progress("Reading");
  StateOptions options;
  options.memory = memory;
  options.progress = [&](uint64_t done, uint64_t total) { progress.Update(done, total); };
  return BuildState(store, catalog, target, options);
}

Result<void> RunSnapshot(const SnapshotOptions& options) {
  ASSIGN_OR_RETURN(const Target target, ParseTarget(options.at));
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  ASSIGN_OR_RETURN(const ResolvedTarget resolved, ResolveTarget(*store, catalog, target));
  const std::string where = resolved.ToString();
  if (resolved.snapshot == resolved.limit) {
    std::fprintf(stderr, "%s\nthere is a base snapshot already\n", where.c_str());
    return {};
  }
  ASSIGN_OR_RETURN(const DatabaseState state, Rebuild(*store, catalog, resolved, options.memory));
  for (const std::string& warning : state.warnings) spdlog::warn("{}", warning);
  ASSIGN_OR_RETURN(const WrittenSnapshot written,
                   WriteSnapshot(store.get(), catalog, state, options.scratch));
  std::fprintf(stderr, "%s\nbase snapshot at %s: %llu rows of %llu tables in %llu parts\n",
               where.c_str(), written.lsn.ToString().c_str(),
               static_cast<unsigned long long>(written.rows),
               static_cast<unsigned long long>(written.tables),
               static_cast<unsigned long long>(written.parts));
  return {};
}

}  // namespace

void AddSnapshotCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<SnapshotOptions>();
  CLI::App* command = app->add_subcommand(
      "snapshot", "Add a base snapshot, made from the archive alone: rebuilds begin at the newest");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--at", options->at, "The target (default: latest)");
  command->add_option("--scratch", options->scratch, "A folder for scratch files");
  AddMemoryOptions(command, &options->memory);
  command->callback([=] { context->run = [=] { return RunSnapshot(*options); }; });
}

}  // namespace trunkline
