#include "replay/plan_filter.h"

#include <algorithm>

namespace trunkline {
namespace {

uint32_t OidOf(const SegmentReader& reader, const BlockRelationStats& stats) {
  return reader.relations()[stats.relation_index].oid;
}

}  // namespace

// A transaction that is left out may have emptied a table.
PlanFilter::PlanFilter(const StateOptions& options, const RebuildPlan& plan, bool shows_all)
    : plan_(plan), tables_(options), shows_all_(shows_all || !options.skip.empty()) {
  for (const RebuildPlan::Step& step : plan.steps) {
    for (const SnapshotPart& part : step.tables.parts) {
      loaded_at_.emplace(part.relation.oid, step.tables.lsn);
    }
    if (step.tables.base) base_ = step.tables.lsn;
  }
}

Result<void> PlanFilter::Learn(const Store& store) {
  for (const RebuildPlan::Step& step : plan_.steps) {
    ASSIGN_OR_RETURN(const Definition definition, ParseDefinition(step.tables.definition));
    TRY(tables_.Learn(step.tables.parts, definition, store, step.segments));
  }
  return {};
}

bool PlanFilter::WantsSince(uint32_t oid, Lsn at) const {
  const auto found = loaded_at_.find(oid);
  return at >= (found == loaded_at_.end() ? base_ : found->second) && tables_.Wants(oid);
}

bool PlanFilter::WantsBlock(const RebuildPlan::Step& step, const SegmentReader& reader,
                            const BlockStats& block) const {
  const Lsn from = step.tables.lsn;
  if (block.commit_lsn_max < from || block.commit_lsn_min >= step.until) return false;
  if (block.has_messages) return true;
  // Tables that are not loaded yet cost no reading either.
  const bool all = tables_.all() && &step == &plan_.steps.back();
  const bool wanted = all || std::any_of(block.relations.begin(), block.relations.end(),
                                         [&](const BlockRelationStats& stats) {
                                           return WantsSince(OidOf(reader, stats), from);
                                         });
  return wanted && !IsSuperseded(step, reader, block);
}

// Of none of its tables is anything left at the end of the step.
bool PlanFilter::IsSuperseded(const RebuildPlan::Step& step, const SegmentReader& reader,
                              const BlockStats& block) const {
  if (shows_all_) return false;
  if (asked_.segment != reader.name() || asked_.step != &step) {
    asked_ = {reader.name(), &step, SupersededRows(reader, step.tables.lsn, step.until)};
  }
  if (asked_.rows.none()) return false;
  const auto index = static_cast<size_t>(&block - reader.blocks().data());
  return std::all_of(block.relations.begin(), block.relations.end(),
                     [&](const BlockRelationStats& stats) {
                       return asked_.rows.Whole(index, stats.relation_index) ||
                              !WantsSince(OidOf(reader, stats), step.tables.lsn);
                     });
}

}  // namespace trunkline
