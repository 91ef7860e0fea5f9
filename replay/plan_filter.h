// PlanFilter: which relations and blocks a rebuild by a plan reads.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "archive/segment_reader.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/state.h"
#include "replay/superseded_rows.h"
#include "replay/table_filter.h"

namespace trunkline {

class PlanFilter {
 public:
  // Nothing is owned. `shows_all`: rows that are gone at the target are looked at all the same.
  PlanFilter(const StateOptions& options, const RebuildPlan& plan, bool shows_all = false);

  // Before it is asked anything but base(): as TableFilter, over all steps.
  Result<void> Learn(const Store& store);
  // Whether the relation is asked for at all.
  bool Wants(uint32_t oid) const { return tables_.Wants(oid); }
  // Whether it is, and loaded once the snapshot at `at` is. A table is passed over until its
  // snapshot; one without any, until the base snapshot, which would have it.
  bool WantsSince(uint32_t oid, Lsn at) const;
  // `step` is of the plan. A segment's blocks are asked for one after another.
  bool WantsBlock(const RebuildPlan::Step& step, const SegmentReader& reader,
                  const BlockStats& block) const;
  Lsn base() const { return base_; }  // the newest base snapshot of the plan

 private:
  struct Asked {
    std::string segment;
    const RebuildPlan::Step* step = nullptr;
    SupersededRows rows;
  };

  bool IsSuperseded(const RebuildPlan::Step& step, const SegmentReader& reader,
                    const BlockStats& block) const;

  const RebuildPlan& plan_;
  TableFilter tables_;
  bool shows_all_ = false;
  mutable Asked asked_;                          // last
  std::unordered_map<uint32_t, Lsn> loaded_at_;  // by relation OID
  Lsn base_;
};

}  // namespace trunkline
