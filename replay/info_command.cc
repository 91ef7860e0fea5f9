// trunkline info: what is in an archive.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "replay/archive_summary.h"
#include "replay/command.h"
#include "replay/info_output.h"
#include "replay/progress.h"

namespace trunkline {
namespace {

struct InfoOptions {
  std::string archive;
  bool json = false;
};

Result<ArchiveSummary> Summarize(const Store& store) {
  Progress progress("Reading");
  return SummarizeArchive(
      store, [&progress](uint64_t done, uint64_t total) { progress.Update(done, total); });
}

Result<void> RunInfo(const InfoOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  ASSIGN_OR_RETURN(const ArchiveSummary summary, Summarize(*store));
  const std::string text =
      options.json ? InfoJson(summary, store->url()) : InfoText(summary, store->url());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return {};
}

}  // namespace

void AddInfoCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* command =
      app->add_subcommand("info", "Show what an archive holds: span, size, tables, snapshots");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([=] { context->run = [=] { return RunInfo(*options); }; });
}

}  // namespace trunkline
