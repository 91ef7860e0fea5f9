// trunkline compact: merges many small segments into few large ones.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "archive/compaction.h"
#include "replay/command.h"
#include "replay/progress.h"
#include "replay/target.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

// Others may merge and remove at the same time; whoever comes second begins with what is there
// then.
constexpr int kMaxAttempts = 4;

struct CompactOptions {
  std::string archive;
  std::string up_to;
  uint64_t target_bytes = CompactionOptions{}.target_bytes;
  std::string scratch = std::filesystem::temp_directory_path().native();
  bool dry_run = false;
};

Result<CompactionPlan> Plan(const Store& store, const CompactOptions& options,
                            CompactionOptions* compaction) {
  ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(store));
  if (!options.up_to.empty()) {
    ASSIGN_OR_RETURN(const Target target, ParseTarget(options.up_to));
    ASSIGN_OR_RETURN(compaction->up_to, ResolveLimit(store, catalog, target));
  }
  return PlanCompaction(store, catalog, *compaction);
}

void PrintPlan(const CompactionPlan& plan) {
  TextTable table({Align::kLeft, Align::kRight, Align::kRight});
  table.Add({"Merge", "segments", "size"});
  for (const MergeGroup& group : plan.groups) {
    table.Add({group.begin().ToString() + " to " + group.end().ToString(),
               FormatCount(group.segments.size()), FormatBytes(group.bytes)});
  }
  if (plan.groups.empty()) {
    std::printf("nothing to merge\n");
  } else {
    std::printf("%s", table.Render("").c_str());
  }
  if (plan.leftovers.empty()) return;
  std::printf("to remove, since merged segments stand for them: %s\n",
              FormatCount(plan.leftovers.size(), "segment").c_str());
}

void Report(const CompactionReport& report) {
  if (report.leftovers > 0) {
    std::fprintf(stderr, "removed %s that an earlier compaction left\n",
                 FormatCount(report.leftovers, "segment").c_str());
  }
  if (report.merged == 0) {
    std::fprintf(stderr, "nothing to merge\n");
    return;
  }
  std::fprintf(stderr, "merged %s of %s into %s of %s\n",
               FormatCount(report.replaced, "segment").c_str(),
               FormatBytes(report.bytes_before).c_str(), FormatCount(report.merged).c_str(),
               FormatBytes(report.bytes_after).c_str());
  if (report.left_beside == 0) return;
  std::fprintf(stderr,
               "beside %s, others still stand, which another compaction merged at the same time: "
               "the next one mends it\n",
               FormatCount(report.left_beside, "merged segment").c_str());
}

Result<void> RunCompact(const CompactOptions& options) {
  CompactionOptions compaction;
  compaction.target_bytes = options.target_bytes;
  compaction.scratch_directory = options.scratch;
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(const CompactionPlan plan, Plan(*store, options, &compaction));
    if (options.dry_run) {
      PrintPlan(plan);
      return {};
    }
    Progress progress("Merging");
    const Result<CompactionReport> report =
        Compact(store.get(), plan, compaction,
                [&](uint64_t done, uint64_t total) { progress.Update(done, total); });
    if (report) {
      Report(*report);
      return {};
    }
    if (report.error().kind != ErrorKind::kConflict || attempt == kMaxAttempts) {
      return Fail(report.error());
    }
  }
}

}  // namespace

void AddCompactCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<CompactOptions>();
  CLI::App* command = app->add_subcommand(
      "compact", "Merge many small segments into few large ones; nothing is lost");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--up-to", options->up_to, "Only segments up to this target");
  command
      ->add_option("--target-bytes", options->target_bytes,
                   "About the size of a merged segment [256MiB]")
      ->transform(CLI::AsSizeValue(true))
      ->check(CLI::Range(uint64_t{1}, uint64_t{64} << 30))
      ->type_name("SIZE");
  command->add_option("--scratch", options->scratch, "A folder for scratch files");
  command->add_flag("--dry-run", options->dry_run, "Print what would be merged, and write nothing");
  command->callback([=] { context->run = [=] { return RunCompact(*options); }; });
}

}  // namespace trunkline
