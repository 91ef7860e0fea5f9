#include "replay/explain.h"

#include <algorithm>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "archive/listed_segment.h"
#include "replay/newest_catalog.h"
#include "replay/plan_filter.h"

namespace trunkline {
namespace {

class Explainer {
 public:
  Explainer(const Store& store, const Catalog& catalog, const StateOptions& options,
            const RebuildPlan& plan)
      : store_(store), catalog_(catalog), options_(options), plan_(plan), filter_(options, plan) {}

  Result<Explanation> Run(const ResolvedTarget& target) {
    explanation_.target = target;
    explanation_.from = plan_.steps.front().tables.lsn;
    for (const ObjectInfo& part : plan_.snapshot_parts) sizes_.emplace(part.name, part.size);
    TRY(filter_.Learn(store_));
    for (const RebuildPlan::Step& step : plan_.steps) AddSnapshot(step.tables);
    TRY(AddSegments());
    TRY(AddDoubts());
    return std::move(explanation_);
  }

 private:
  void AddSnapshot(const TablesAt& tables) {
    Explanation::Snapshot snapshot{.lsn = tables.lsn, .base = tables.base};
    std::set<uint32_t> oids;
    for (const SnapshotPart& part : tables.parts) {
      if (!filter_.Wants(part.relation.oid)) continue;
      oids.insert(part.relation.oid);
      Explanation::Table& table = TableOf(part.relation);
      table.snapshot_rows += part.rows;
      if (part.rows == 0) continue;  // is not read
      table.snapshot_bytes += sizes_[part.name];
      snapshot.bytes += sizes_[part.name];
      ++snapshot.parts;
    }
    snapshot.tables = oids.size();
    explanation_.snapshots.push_back(snapshot);
  }

  Explanation::Table& TableOf(const Relation& relation) {
    Explanation::Table& table = explanation_.tables[relation.oid];
    table.name = {relation.schema, relation.name};
    return table;
  }

  // Opens each segment once, in their order.
  Result<void> AddSegments() {
    std::shared_ptr<const SegmentReader> before;
    for (const ObjectInfo& object : plan_.segments) {
      ASSIGN_OR_RETURN(const std::shared_ptr<const SegmentReader> reader,
                       OpenListed(store_, object.name));
      TRY(CheckFollows(*reader, before.get()));
      Explanation::Segment segment{.name = object.name,
                                   .begin = reader->header().begin,
                                   .end = reader->header().end,
                                   .bytes = object.size,
                                   .blocks = reader->blocks().size()};
      for (const BlockStats& block : reader->blocks()) AddBlock(*reader, block, &segment);
      explanation_.segments.push_back(std::move(segment));
      before = reader;
    }
    return {};
  }

  static Result<void> CheckFollows(const SegmentReader& reader, const SegmentReader* before) {
    if (before == nullptr) return {};
    const SegmentHeader& header = reader.header();
    if (header.begin == before->header().end && header.previous_digest == before->chain_digest()) {
      return {};
    }
    return Fail(ErrorKind::kCorrupt,
                reader.name() + " does not follow " + before->name() +
                    ": one of the two was "
                    "replaced",
                "trunkline verify finds all damage");
  }

  // A block is read once for each snapshot within whose reach it lies.
  void AddBlock(const SegmentReader& reader, const BlockStats& block,
                Explanation::Segment* segment) {
    bool read = false;
    for (const RebuildPlan::Step& step : plan_.steps) {
      if (!filter_.WantsBlock(step, reader, block)) continue;
      segment->bytes_read += block.size;
      read = true;
    }
    if (!read) return;
    ++segment->blocks_read;
    for (const BlockRelationStats& stats : block.relations) {
      const Relation& relation = reader.relations()[stats.relation_index];
      if (!filter_.Wants(relation.oid)) continue;
      const uint64_t changes = stats.inserts + stats.updates + stats.deletes + stats.truncates;
      Explanation::Table& table = TableOf(relation);
      table.changes += changes;
      table.block_bytes += block.size;
      segment->changes += changes;
    }
  }

  Result<void> AddDoubts() {
    const Lsn limit = explanation_.target.limit;
    DoubtFinder finder;
    ASSIGN_OR_RETURN(std::vector<TablesAt> snapshots,
                     SnapshotsFrom(store_, catalog_, filter_.base()));
    for (TablesAt& snapshot : snapshots) {
      if (snapshot.lsn <= limit) finder.AddSnapshot(std::move(snapshot));
    }
    for (const Explanation::Segment& segment : explanation_.segments) {
      if (segment.end <= filter_.base()) {
        finder.PassOver(segment.end);
        continue;
      }
      ASSIGN_OR_RETURN(const std::shared_ptr<const SegmentReader> reader,
                       OpenListed(store_, segment.name));
      TRY(finder.AddSegment(reader));
    }
    for (const DoubtInterval& doubt : finder.ended()) AddDoubt(doubt);
    for (const DoubtInterval& doubt : finder.open()) AddDoubt(doubt);
    return {};
  }

  void AddDoubt(const DoubtInterval& doubt) {
    const Lsn limit = explanation_.target.limit;
    const bool at_target = doubt.from < limit && (!doubt.until || *doubt.until > limit);
    const auto named = [&](const std::string& asked) { return Names(asked, doubt.table); };
    const bool asked_for = options_.tables.empty() ||
                           std::any_of(options_.tables.begin(), options_.tables.end(), named);
    if (at_target && asked_for) explanation_.doubts.push_back(doubt);
  }

  const Store& store_;
  const Catalog& catalog_;
  const StateOptions& options_;
  const RebuildPlan& plan_;
  PlanFilter filter_;
  std::unordered_map<std::string, uint64_t> sizes_;  // of parts of snapshots
  Explanation explanation_;
};

Result<void> CheckAskedFor(const Explanation& explanation, const std::vector<std::string>& asked) {
  for (const std::string& name : asked) {
    const bool known =
        std::any_of(explanation.tables.begin(), explanation.tables.end(),
                    [&](const auto& table) { return Names(name, table.second.name); });
    if (known) continue;
    return Fail(ErrorKind::kNotFound, "the archive has no table \"" + name + "\" at the target",
                "trunkline info lists the tables");
  }
  return {};
}

}  // namespace

uint64_t Explanation::bytes_read() const {
  uint64_t bytes = 0;
  for (const Snapshot& snapshot : snapshots) bytes += snapshot.bytes;
  for (const Segment& segment : segments) bytes += segment.bytes_read;
  return bytes;
}

uint64_t Explanation::snapshot_rows() const {
  uint64_t rows = 0;
  for (const auto& [oid, table] : tables) rows += table.snapshot_rows;
  return rows;
}

uint64_t Explanation::changes() const {
  uint64_t changes = 0;
  for (const Segment& segment : segments) changes += segment.changes;
  return changes;
}

double Explanation::estimated_seconds() const {
  const double reading = static_cast<double>(bytes_read()) / kEstimatedBytesPerSecond;
  const double folding =
      static_cast<double>(snapshot_rows() + changes()) / kEstimatedChangesPerSecond;
  return std::max(reading, folding);
}

Result<Explanation> ExplainRebuild(const Store& store, const Catalog& catalog,
                                   const ResolvedTarget& target, const StateOptions& options) {
  const auto explain = [&](const Catalog& now) -> Result<Explanation> {
    ASSIGN_OR_RETURN(const RebuildPlan plan,
                     PlanRebuild(store, now, target, {.skip = options.skip}));
    return Explainer(store, now, options, plan).Run(target);
  };
  ASSIGN_OR_RETURN(Explanation explanation, OnNewestCatalog<Explanation>(store, catalog, explain));
  TRY(CheckAskedFor(explanation, options.tables));
  return explanation;
}

}  // namespace trunkline
