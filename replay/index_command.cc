// trunkline index: a local index of an archive, for quick answers about single rows.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "replay/command.h"
#include "replay/index_builder.h"
#include "replay/index_reader.h"
#include "replay/newest_catalog.h"
#include "replay/progress.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

struct IndexOptions {
  std::string archive;
  std::string index;
};

Result<void> RunIndex(const IndexOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store));
  IndexBuildOptions build;
  build.folder = options.index;
  if (build.folder.empty()) {
    ASSIGN_OR_RETURN(build.folder, DefaultIndexFolder(catalog.identity));
  }
  std::optional<Progress> progress(std::in_place, "Indexing");
  build.progress = [&](uint64_t done, uint64_t total) { progress->Update(done, total); };
  ASSIGN_OR_RETURN(const IndexedCounts counts,
                   OnNewestCatalog<IndexedCounts>(*store, catalog, [&](const Catalog& now) {
                     return BuildIndex(*store, now, build);
                   }));
  progress.reset();
  const std::string line = "trunkline: the index in " + build.folder +
                           " covers the archive up to LSN " + counts.end.ToString() +
                           (counts.anew ? ", made anew" : "") + ": " +
                           FormatCount(counts.segments, "segment") + " and " +
                           FormatCount(counts.changes, "row") + " joined it\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return {};
}

}  // namespace

void AddIndexCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<IndexOptions>();
  CLI::App* command = app->add_subcommand(
      "index", "Make or update a local index, with which history answers at once");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--index", options->index, kIndexHelp);
  command->callback([=] { context->run = [=] { return RunIndex(*options); }; });
}

}  // namespace trunkline
