#include "archive/compaction.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "archive/identity.h"
#include "archive/listed_segment.h"
#include "archive/segment_merge.h"
#include "archive/tiling.h"
#include "base/fault.h"

namespace trunkline {
namespace {

// A header lists what its segment stands for, and every reader reads it.
constexpr size_t kMostReplaced = 4096;

struct Kin {
  uint32_t timeline = 0;
  uint32_t server_version = 0;
  size_t replaced = 0;  // segments that it stands for, itself where for none
};

Result<Kin> KinOf(const Store& store, const SegmentEntry& entry) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenListed(store, entry.name));
  const SegmentHeader& header = reader->header();
  return Kin{header.timeline, header.server_version, std::max<size_t>(header.replaced.size(), 1)};
}

// Puts segments together in their order, each group as large as it may be.
class Grouping {
 public:
  Grouping(const Store& store, const Catalog& catalog, const CompactionOptions& options)
      : store_(store), catalog_(catalog), options_(options) {}

  Result<CompactionPlan> Run() {
    TRY(CheckOverlaps());
    for (const SegmentEntry& entry : catalog_.segments) {
      const bool newest = &entry == &catalog_.segments.back();
      if (newest || entry.end > options_.up_to) break;
      TRY(Add(entry));
    }
    Close();
    return std::move(plan_);
  }

 private:
  // Merging one of two that say different things would hide that.
  Result<void> CheckOverlaps() const {
    for (size_t i = 1; i < catalog_.segments.size(); ++i) {
      const SegmentEntry& before = catalog_.segments[i - 1];
      const SegmentEntry& entry = catalog_.segments[i];
      if (entry.begin >= before.end) continue;
      return Fail(ErrorKind::kCorrupt,
                  "the segments " + before.name + " and " + entry.name + " overlap",
                  "two daemons may have written here; run trunkline verify");
    }
    return {};
  }

  Result<void> Add(const SegmentEntry& entry) {
    // Where another compactor's segment lies across a boundary, the group must reach over it.
    const bool joined = !open_.segments.empty() && IsCrossed(entry.begin);
    const bool large = entry.size >= options_.target_bytes / 2;
    const bool hole = !open_.segments.empty() && open_.end() != entry.begin;
    const bool snapshot = BeginsBaseSnapshot(entry) && !joined;
    if (entry.gap || hole || snapshot || (large && !joined && !IsCrossed(entry.end))) Close();
    if (entry.gap || (large && open_.segments.empty() && !IsCrossed(entry.end))) return {};
    ASSIGN_OR_RETURN(const Kin kin, KinOf(store_, entry));
    const bool full = open_.bytes >= options_.target_bytes ||
                      (kin_ && kin_->replaced + kin.replaced > kMostReplaced);
    const bool other =
        kin_ && (kin_->timeline != kin.timeline || kin_->server_version != kin.server_version);
    if (other || (full && !joined)) Close();
    const size_t replaced = kin_ ? kin_->replaced : 0;
    kin_ = kin;
    kin_->replaced += replaced;
    open_.segments.push_back(entry);
    open_.bytes += entry.size;
    return {};
  }

  // Where a base snapshot's changes begin, retention is to be able to cut.
  bool BeginsBaseSnapshot(const SegmentEntry& entry) const {
    return std::any_of(catalog_.snapshots.begin(), catalog_.snapshots.end(),
                       [&entry](const SnapshotEntry& snapshot) {
                         return snapshot.complete && entry.begin <= snapshot.lsn &&
                                snapshot.lsn < entry.end;
                       });
  }

  bool IsCrossed(Lsn boundary) const {
    return std::any_of(catalog_.superseded.begin(), catalog_.superseded.end(),
                       [boundary](const SegmentEntry& entry) {
                         return entry.merged && entry.begin < boundary && boundary < entry.end;
                       });
  }

  void Close() {
    if (open_.segments.size() > 1) {
      plan_.bytes += open_.bytes;
      plan_.groups.push_back(std::move(open_));
    }
    open_ = {};
    kin_.reset();
  }

  const Store& store_;
  const Catalog& catalog_;
  const CompactionOptions& options_;
  CompactionPlan plan_;
  MergeGroup open_;
  std::optional<Kin> kin_;  // of the open group
};

// All that a listing has of changes.
std::vector<SegmentEntry> EntriesOf(const Catalog& catalog) {
  std::vector<SegmentEntry> entries = catalog.segments;
  if (catalog.retained) entries.push_back(*catalog.retained);
  entries.insert(entries.end(), catalog.superseded.begin(), catalog.superseded.end());
  return entries;
}

void FindLeftovers(const Catalog& catalog, CompactionPlan* plan) {
  const std::vector<SegmentEntry> entries = EntriesOf(catalog);
  for (const SegmentEntry& entry : catalog.segments) {
    if (!entry.merged) continue;
    const Removable removable = RemovableFor(entry, entries);
    if (removable.entries.empty()) continue;
    plan->covering.push_back(entry.name);
    plan->leftovers.insert(plan->leftovers.end(), removable.entries.begin(),
                           removable.entries.end());
  }
}

// Whether a merged segment lists an original, or a merged segment's originals, just as they are.
bool Lists(const SegmentHeader& merged, const SegmentReader& original) {
  std::vector<ReplacedSegment> wanted = original.header().replaced;
  if (wanted.empty()) wanted.push_back({original.header().end, original.digest()});
  return std::search(merged.replaced.begin(), merged.replaced.end(), wanted.begin(),
                     wanted.end()) != merged.replaced.end();
}

// The names alone say what a merged segment stands for; this looks whether it is so, and whole,
// where it is stored. An original that cannot be read is worth no more than what stands for it.
Result<void> CheckStandsFor(const Store& store, const std::string& name,
                            const std::vector<SegmentEntry>& originals) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> merged, OpenListed(store, name));
  TRY(merged->CheckDigest());
  for (const SegmentEntry& entry : originals) {
    const Result<std::unique_ptr<SegmentReader>> original = OpenListed(store, entry.name);
    const bool unreadable = !original && (original.error().kind == ErrorKind::kConflict ||
                                          original.error().kind == ErrorKind::kCorrupt ||
                                          original.error().kind == ErrorKind::kTruncated);
    if (unreadable) continue;
    TRY(original);
    if (Lists(merged->header(), **original)) continue;
    return Fail(ErrorKind::kCorrupt,
                name + " stands where " + entry.name + " does, and was not made of it",
                "neither was removed; one of them was altered: restore it from a copy");
  }
  return {};
}

Result<void> RemoveEntries(Store* store, const std::vector<SegmentEntry>& entries) {
  std::vector<std::string> names;
  for (const SegmentEntry& entry : entries) names.push_back(entry.name);
  if (names.empty()) return {};
  FAULT("compaction.remove");
  return store->Remove(names);
}

Result<void> MergeGroupOf(Store* store, const MergeGroup& group, const CompactionOptions& options,
                          const std::function<void(uint64_t bytes)>& read,
                          CompactionReport* report) {
  std::vector<std::string> names;
  for (const SegmentEntry& entry : group.segments) names.push_back(entry.name);
  ASSIGN_OR_RETURN(
      const std::unique_ptr<FinishedSegment> merged,
      MergeSegments(*store, names, {.scratch_directory = options.scratch_directory}, read));
  ASSIGN_OR_RETURN(const bool alone,
                   PublishCovering(store, MergedObjectName(group.begin(), group.end()), *merged));
  ++report->merged;
  report->replaced += group.segments.size();
  report->bytes_before += group.bytes;
  report->bytes_after += merged->size();
  report->left_beside += alone ? 0 : 1;
  return {};
}

}  // namespace

Result<CompactionPlan> PlanCompaction(const Store& store, const Catalog& catalog,
                                      const CompactionOptions& options) {
  ASSIGN_OR_RETURN(CompactionPlan plan, Grouping(store, catalog, options).Run());
  FindLeftovers(catalog, &plan);
  return plan;
}

Result<bool> PublishCovering(Store* store, const std::string& name, const ByteSource& segment) {
  const NewObject object{name, &segment, std::string(kIdentityObject)};
  FAULT("compaction.publish");
  TRY(store->Put({&object, 1}));
  FAULT("compaction.published");
  return RemoveCovered(store, name);
}

Result<bool> RemoveCovered(Store* store, const std::string& name) {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store->List(kSegmentPrefix));
  const std::vector<SegmentEntry> entries = EntriesOf(CatalogOf(std::move(objects)));
  const auto covering = std::find_if(entries.begin(), entries.end(),
                                     [&](const SegmentEntry& entry) { return entry.name == name; });
  if (covering == entries.end()) return true;  // a wider one stands for it by now
  const Removable removable = RemovableFor(*covering, entries);
  if (covering->merged && !removable.entries.empty()) {
    TRY(CheckStandsFor(*store, name, removable.entries));
  }
  TRY(RemoveEntries(store, removable.entries));
  return removable.across == nullptr;
}

Result<CompactionReport> Compact(
    Store* store, const CompactionPlan& plan, const CompactionOptions& options,
    const std::function<void(uint64_t done, uint64_t total)>& progress) {
  CompactionReport report;
  for (const std::string& name : plan.covering) TRY(RemoveCovered(store, name));
  report.leftovers = plan.leftovers.size();
  uint64_t done = 0;
  for (const MergeGroup& group : plan.groups) {
    const auto read = [&](uint64_t bytes) {
      if (progress) progress(done + bytes, plan.bytes);
      done += bytes;
    };
    TRY(MergeGroupOf(store, group, options, read, &report));
  }
  return report;
}

}  // namespace trunkline
