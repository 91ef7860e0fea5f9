// trunkline retain: removes what no target from some instant on needs.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/retention.h"
#include "replay/archive_summary.h"
#include "replay/command.h"
#include "replay/progress.h"
#include "replay/target.h"
#include "replay/text_table.h"

namespace trunkline {
namespace {

struct RetainOptions {
  std::string archive;
  std::string keep_from;
  int64_t keep_seconds = 0;
  bool keep_points = false;
  bool yes = false;
};

// Where the oldest target to be kept lies.
Result<Lsn> KeptFrom(const Store& store, const Catalog& catalog, const RetainOptions& options) {
  if (!options.keep_from.empty()) {
    ASSIGN_OR_RETURN(const Target target, ParseTarget(options.keep_from));
    return ResolveLimit(store, catalog, target);
  }
  const Timestamp since{Timestamp::Now().micros - options.keep_seconds * 1'000'000};
  ASSIGN_OR_RETURN(const bool removed, IsRemoved(store, catalog, since));
  if (removed) return catalog.retained->end;
  Result<Lsn> limit = ResolveLimit(store, catalog, since);
  // Nothing was committed since: the newest state is the one to be kept.
  if (!limit && limit.error().kind == ErrorKind::kNotFound) return catalog.end();
  return limit;
}

Result<ArchiveSummary> Summarize(const Store& store) {
  Progress progress("Reading");
  return SummarizeArchive(
      store, [&progress](uint64_t done, uint64_t total) { progress.Update(done, total); });
}

// Those that a rebuild from `first` on can reach.
std::vector<RestorePoint> PointsWithin(const ArchiveSummary& summary, Lsn first, Lsn end) {
  std::vector<RestorePoint> points;
  for (const RestorePoint& point : summary.restore_points) {
    const Lsn lsn = point.transaction.commit_lsn;
    if (lsn >= first && lsn < end) points.push_back(point);
  }
  return points;
}

Lsn FirstReachable(const Catalog& catalog) {
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.complete) return snapshot.lsn;
  }
  return Lsn{UINT64_MAX};
}

std::string BytesOf(const std::vector<ObjectInfo>& objects) {
  uint64_t bytes = 0;
  for (const ObjectInfo& object : objects) bytes += object.size;
  return FormatBytes(bytes);
}

void PrintPlan(const RetentionPlan& plan, const Catalog& catalog,
               const std::vector<RestorePoint>& lost) {
  std::printf("keeps    lsn:%s and later: the base snapshot there, and the changes from %s on\n",
              plan.base.ToString().c_str(), plan.begin.ToString().c_str());
  if (plan.objects() == 0) {
    std::printf("removes  nothing\n");
    return;
  }
  std::printf("removes  %s of %s: %s of %s, %s of snapshots of %s\n",
              FormatCount(plan.objects(), "object").c_str(), FormatBytes(plan.bytes).c_str(),
              FormatCount(plan.segments.size(), "segment").c_str(), BytesOf(plan.segments).c_str(),
              FormatCount(plan.snapshot_objects.size(), "object").c_str(),
              BytesOf(plan.snapshot_objects).c_str());
  const Lsn first = FirstReachable(catalog);
  if (first < plan.base) {
    std::printf("lost     targets from lsn:%s to before lsn:%s\n", first.ToString().c_str(),
                plan.base.ToString().c_str());
  }
  if (!plan.segments.empty()) {
    std::printf("lost     the log before %s\n", plan.begin.ToString().c_str());
  }
  for (const RestorePoint& point : lost) {
    std::printf("lost     restore point %s of %s, commit at %s\n", Printable(point.name).c_str(),
                point.transaction.commit_time.ToString().c_str(),
                point.transaction.commit_lsn.ToString().c_str());
  }
}

Result<void> RetainOnce(Store* store, const RetainOptions& options) {
  ASSIGN_OR_RETURN(const ArchiveSummary summary, Summarize(*store));
  const Catalog& catalog = summary.catalog;
  ASSIGN_OR_RETURN(Lsn from, KeptFrom(*store, catalog, options));
  const Lsn first = FirstReachable(catalog);
  if (options.keep_points) {
    for (const RestorePoint& point : PointsWithin(summary, first, from)) {
      from = std::min(from, point.transaction.commit_lsn);
    }
  }
  const Result<RetentionPlan> plan = PlanRetention(*store, catalog, from);
  // Run every day, it is no failure on the days before there is something to remove.
  if (!plan && plan.error().kind == ErrorKind::kNotFound && options.keep_from.empty()) {
    std::printf("removes  nothing: %s\n", plan.error().message.c_str());
    return {};
  }
  TRY(plan);
  PrintPlan(*plan, catalog, PointsWithin(summary, first, plan->base));
  if (plan->objects() == 0) return {};
  if (!options.yes) {
    std::fprintf(stderr, "nothing was removed: --yes does it\n");
    return {};
  }
  TRY(Retain(store, *plan));
  std::fprintf(stderr, "removed %s\n", FormatCount(plan->objects(), "object").c_str());
  return {};
}

// Others may merge and remove at the same time; whoever comes second begins with what is there
// then.
Result<void> RunRetain(const RetainOptions& options) {
  constexpr int kMostTries = 4;
  if (options.keep_from.empty() == (options.keep_seconds == 0)) {
    return Fail(ErrorKind::kInvalidArgument, "give one of --keep-from and --keep",
                "trunkline retain --help shows the usage");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(options.archive));
  Result<void> retained = RetainOnce(store.get(), options);
  for (int attempt = 1; attempt < kMostTries; ++attempt) {
    if (retained || retained.error().kind != ErrorKind::kConflict) break;
    retained = RetainOnce(store.get(), options);
  }
  return retained;
}

}  // namespace

void AddRetainCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<RetainOptions>();
  CLI::App* command = app->add_subcommand(
      "retain", "Remove what no target from some instant on needs; without --yes, only say what");
  command->add_option("ARCHIVE", options->archive, kArchiveHelp)->required();
  command->add_option("--keep-from", options->keep_from, "Keep this target and all later ones");
  command
      ->add_option("--keep", options->keep_seconds, "Keep the targets of this time up to now: 90d")
      ->transform(CLI::AsNumberWithUnit(
          std::map<std::string, int64_t>{
              {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86'400}, {"w", 604'800}},
          CLI::AsNumberWithUnit::UNIT_REQUIRED, "TIME"))
      ->check(CLI::Range(int64_t{1}, int64_t{100} * 366 * 86'400))
      ->type_name("DURATION");
  command->add_flag("--keep-points", options->keep_points,
                    "Keep what the restore points before that need, too");
  command->add_flag("--yes", options->yes, "Remove it");
  command->callback([=] { context->run = [=] { return RunRetain(*options); }; });
}

}  // namespace trunkline
