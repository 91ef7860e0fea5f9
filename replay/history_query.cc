#include "replay/history_query.h"

#include <algorithm>
#include <set>
#include <utility>

#include "archive/manifest.h"
#include "archive/stream_definition.h"
#include "replay/row_key.h"
#include "replay/table_finder.h"

namespace trunkline {
namespace {

Result<std::shared_ptr<const TableShape>> FindTable(const Store& store, const WalkPlan& plan,
                                                    const std::string& name) {
  TableFinder finder;
  TRY(RowWalk(store, nullptr, &finder).Run(plan, nullptr));
  return finder.Find(name);
}

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
    ASSIGN_OR_RETURN(answer_.table, FindTable(store_, plan, request_.table));
    ASSIGN_OR_RETURN(answer_.key, ParseRowKey(*answer_.table, request_.key));
    const uint32_t oid = answer_.table->relation.oid;
    plan.BeginWith(oid);
    std::set<std::string> keys = {answer_.key};
    for (;;) {
      RowHistory history(&keys);
      RowWalk walk(
          store_, [oid](uint32_t other) { return other == oid; }, &history);
      TRY(walk.Run(plan, request_.progress));
      answer_.counts = walk.counts();
      if (history.incomplete()) continue;
      if (history.key_changed()) return Fail(KeyChanged(*answer_.table, *history.key_changed()));
      return Finish(&history, plan.StartOf(oid));
    }
  }

 private:
  Result<HistoryAnswer> Finish(RowHistory* history, Lsn start) {
    ASSIGN_OR_RETURN(const Moment snapshot, SnapshotAt(store_, catalog_, start));
    answer_.doubts = history->DoubtsFrom(request_.from);
    answer_.lives = history->TakeLives(answer_.key, request_.from, snapshot);
    return std::move(answer_);
  }

  const Store& store_;
  const Catalog& catalog_;
  const HistoryRequest& request_;
  HistoryAnswer answer_;
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
                                  const HistoryRequest& request, HistoryIndex*) {
  return Reader(store, catalog, request).Scan();
}

}  // namespace trunkline
