#include "replay/plan_filter.h"

#include <algorithm>

namespace trunkline {

PlanFilter::PlanFilter(const StateOptions& options, const RebuildPlan& plan)
    : plan_(plan), tables_(options) {
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
  // Tables that are not loaded yet cost no reading either.
  const bool all = tables_.all() && &step == &plan_.steps.back();
  if (all || block.has_messages) return true;
  return std::any_of(block.relations.begin(), block.relations.end(),
                     [&](const BlockRelationStats& relation) {
                       return WantsSince(reader.relations()[relation.relation_index].oid, from);
                     });
}

}  // namespace trunkline
