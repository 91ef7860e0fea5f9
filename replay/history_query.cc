#include "replay/history_query.h"

#include <algorithm>
#include <set>
#include <utility>

#include "archive/manifest.h"
#include "archive/stream_definition.h"
#include "replay/index_reader.h"
#include "replay/row_key.h"
#include "replay/table_finder.h"

namespace trunkline {
namespace {

// The snapshot that the rows of a rebuild as of the range's beginning come from.
Result<Moment> SnapshotAt(const Store& store, const Catalog& catalog, Lsn lsn) {
  Moment moment{.lsn = lsn};
  for (const SnapshotEntry& snapshot : catalog.snapshots) {
    if (snapshot.lsn != lsn) continue;
    ASSIGN_OR_RETURN(const std::optional<Timestamp> time, SnapshotTime(store, snapshot));
    moment.time = time.value_or(Timestamp{});
  }
  return moment;
}

Error KeyChanged(const TableShape& table, Lsn lsn) {
  return Error{
      ErrorKind::kUnsupported,
      "the table " + NameOf(table.relation) + " has other columns as its key since LSN " +
          lsn.ToString() + ", and no row is followed across that",
      "choose --to before it, or --from a base snapshot after it: trunkline snapshot makes "
      "one"};
}

class Reader {
 public:
  Reader(const Store& store, const Catalog& catalog, const HistoryRequest& request)
      : store_(store), catalog_(catalog), request_(request) {}

  Result<HistoryAnswer> Scan() {
    ASSIGN_OR_RETURN(WalkPlan plan, PlanWalk(store_, catalog_, request_.from, request_.until));
    TableFinder finder;
    TRY(RowWalk(store_, nullptr, &finder).Run(plan, nullptr));
    ASSIGN_OR_RETURN(const uint32_t oid, finder.Find(request_.table));
    TRY(SetTable(finder.ShapeOf(oid)));
    plan.BeginWith(oid);
    for (;;) {
      RowHistory history(&keys_);
      RowWalk walk = WalkOf(&history);
      const Result<void> walked = walk.Run(plan, Progress());
      answer_.counts = walk.counts();
      if (history.incomplete()) continue;
      if (history.key_changed()) return Fail(KeyChanged(*answer_.table, *history.key_changed()));
      TRY(walked);
      return Finish(&history, plan.StartOf(oid));
    }
  }

  // Nothing where the index does not suffice. What is wrong with the archive, the scan tells.
  Result<std::optional<HistoryAnswer>> LookUp(const IndexReader& index) {
    using Nothing = std::optional<HistoryAnswer>;
    WalkPlan plan;
    plan.start = request_.from;
    ASSIGN_OR_RETURN(plan.snapshots, SnapshotsFor(store_, catalog_, request_.from));
    TRY(SegmentsBetween(catalog_, plan.from(), request_.until));
    const std::optional<Lsn> beginning = index.BeginningBefore(plan.from());
    if (!beginning || plan.from() > index.end()) return Nothing();
    const Lsn reached = std::min(request_.until, index.end());
    WalkPlan rest;
    std::string state;
    if (reached < request_.until) {
      if (!index.goes_on()) return Nothing();
      ASSIGN_OR_RETURN(const auto later, SnapshotsFrom(store_, catalog_, reached));
      if (ReachAcross(later, reached)) return Nothing();
      ASSIGN_OR_RETURN(rest, PlanRest(store_, catalog_, reached, request_.until));
      ASSIGN_OR_RETURN(state, index.State());
    }
    const auto finish_walk = [&](RowWalk walk) -> Result<void> {
      if (rest.segments.empty()) return {};
      TRY(walk.Resume(state, index.end(), index.digest()));
      TRY(walk.Run(rest, Progress()));
      answer_.counts = walk.counts();
      return {};
    };
    TableFinder finder;
    TRY(index.FindNames(*beginning, plan.from(), reached, &finder));
    TRY(finish_walk(RowWalk(store_, nullptr, &finder)));
    const Result<uint32_t> oid = finder.Find(request_.table);
    if (!oid) return Nothing();
    std::shared_ptr<const TableShape> shape = finder.ShapeOf(*oid);
    if (shape == nullptr) {
      ASSIGN_OR_RETURN(shape, index.ShapeOf(*oid, *beginning, reached));
    }
    TRY(SetTable(std::move(shape)));
    for (;;) {
      RowHistory history(&keys_);
      Result<void> played = index.Play(*oid, *beginning, reached, keys_, &history);
      if (played) played = finish_walk(WalkOf(&history));
      if (history.incomplete()) continue;
      if (!played || history.key_changed()) return Nothing();
      ASSIGN_OR_RETURN(HistoryAnswer answer, Finish(&history, plan.StartOf(*oid)));
      answer.by_index = true;
      return Nothing(std::move(answer));
    }
  }

 private:
  Result<void> SetTable(std::shared_ptr<const TableShape> shape) {
    answer_.table = std::move(shape);
    ASSIGN_OR_RETURN(answer_.key, ParseRowKey(*answer_.table, request_.key));
    keys_ = {answer_.key};
    return {};
  }

  RowWalk WalkOf(RowHistory* history) const {
    const uint32_t oid = answer_.table->relation.oid;
    return RowWalk(
        store_, [oid](uint32_t other) { return other == oid; }, history);
  }

  RowWalk::AfterSegment Progress() const {
    return [this](const SegmentReader&, uint64_t done, uint64_t total) -> Result<void> {
      if (request_.progress) request_.progress(done, total);
      return {};
    };
  }

  Result<HistoryAnswer> Finish(RowHistory* history, Lsn start) {
    ASSIGN_OR_RETURN(const Moment snapshot, SnapshotAt(store_, catalog_, start));
    answer_.doubts = history->DoubtsFrom(request_.from);
    if (!answer_.doubts.empty() && !answer_.doubts.back().until) {
      ASSIGN_OR_RETURN(answer_.doubts.back().until, NextSnapshot());
    }
    answer_.lives = history->TakeLives(answer_.key, request_.from, snapshot);
    return std::move(answer_);
  }

  // The first one of the table after the range.
  Result<std::optional<Lsn>> NextSnapshot() const {
    ASSIGN_OR_RETURN(const std::vector<TablesAt> later,
                     SnapshotsFrom(store_, catalog_, Lsn{request_.until.value + 1}));
    for (const TablesAt& snapshot : later) {
      const bool brings = std::any_of(snapshot.parts.begin(), snapshot.parts.end(),
                                      [this](const SnapshotPart& part) {
                                        return part.relation.oid == answer_.table->relation.oid;
                                      });
      if (brings) return std::optional(snapshot.lsn);
    }
    return std::optional<Lsn>();
  }

  const Store& store_;
  const Catalog& catalog_;
  const HistoryRequest& request_;
  HistoryAnswer answer_;
  std::set<std::string> keys_;
};

}  // namespace

Result<Lsn> FirstStateOf(const Catalog& catalog) {
  const auto first = std::find_if(catalog.snapshots.begin(), catalog.snapshots.end(),
                                  [](const SnapshotEntry& snapshot) { return snapshot.complete; });
  if (first != catalog.snapshots.end()) return first->lsn;
  return Fail(ErrorKind::kNotFound, "the archive has no complete base snapshot",
              "let trunklined finish one");
}

Result<HistoryAnswer> ReadHistory(const Store& store, const Catalog& catalog,
                                  const HistoryRequest& request, const IndexReader* index) {
  if (index != nullptr) {
    Result<std::optional<HistoryAnswer>> found = Reader(store, catalog, request).LookUp(*index);
    const bool is_answer =
        found ? found->has_value() : found.error().kind == ErrorKind::kInvalidArgument;
    if (!found && is_answer) return Fail(std::move(found).error());
    if (is_answer) return std::move(**found);
  }
  return Reader(store, catalog, request).Scan();
}

}  // namespace trunkline
