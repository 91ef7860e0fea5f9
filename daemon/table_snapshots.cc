#include "daemon/table_snapshots.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "archive/listed_segment.h"
#include "daemon/periodic_snapshot.h"
#include "daemon/stop_signal.h"

namespace trunkline {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFinishPoll{100};
// Segments may be merged before they were read; so often in a row it is not worth a word.
constexpr int kMostOvertaken = 4;
// How often to look whether a base snapshot is due, at least and at most.
constexpr std::chrono::milliseconds kIdleLook = std::chrono::hours(1);
constexpr std::chrono::milliseconds kLeastLook{100};
constexpr std::chrono::milliseconds kTurnLook{1'000};  // while an audit is made

bool MayPass(const Error& error) {
  return error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kBusy ||
         error.kind == ErrorKind::kConflict;
}

}  // namespace

TableSnapshots::TableSnapshots(SnapshotOptions options, const SnapshotEvery& base_every,
                               const Source& source, Store* store, const Appender* appender,
                               std::mutex* turn)
    : options_(std::move(options)),
      source_(source),
      store_(store),
      appender_(appender),
      turn_(turn),
      base_policy_(base_every),
      base_backoff_(std::random_device{}()),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

TableSnapshots::~TableSnapshots() = default;

void TableSnapshots::NoteSegment(Lsn begin, Lsn end) {
  {
    const std::scoped_lock lock(mutex_);
    segments_.emplace_back(begin, end);
    settled_.reset();
  }
  changed_.notify_all();
}

Result<void> TableSnapshots::Finish(Lsn end) {
  base_stop_.request_stop();
  std::unique_lock lock(mutex_);
  while (!settled_.has_value() || *settled_ < end) {
    if (StopRequested()) {
      return Fail(ErrorKind::kCancelled, "stopped while tables in doubt were being copied");
    }
    if (failure_.has_value() && !MayPass(*failure_)) return Fail(*failure_);
    changed_.wait_for(lock, kFinishPoll);
  }
  return {};
}

void TableSnapshots::Run(const std::stop_token& stop) {
  Backoff backoff(std::random_device{}());
  while (!stop.stop_requested()) {
    Result<void> done = Step(stop);
    if (stop.stop_requested() || StopRequested()) return;
    if (!done) {
      Error error = WithAdvice(std::move(done).error());
      const std::chrono::milliseconds pause = backoff.Next();
      if (options_.metrics != nullptr) {
        options_.metrics->NoteError(ErrorArea::kTableSnapshot, error.kind);
      }
      spdlog::warn("tables in doubt are not copied yet: {}; trying again in {} ms",
                   error.ToString(), pause.count());
      std::unique_lock lock(mutex_);
      failure_ = std::move(error);
      changed_.notify_all();
      changed_.wait_for(lock, stop, pause, [] { return false; });
      continue;
    }
    backoff.Reset();
    std::unique_lock lock(mutex_);
    failure_.reset();
    changed_.wait_for(lock, stop, NextLook(), [this] { return !segments_.empty(); });
  }
}

// Until there is nothing left to do.
Result<void> TableSnapshots::Step(const std::stop_token& stop) {
  for (int overtaken = 0;;) {
    Result<void> followed = Follow();
    if (!followed) {
      finder_.reset();  // it may be in the middle of a segment
      const bool merged = followed.error().kind == ErrorKind::kConflict;
      if (merged && ++overtaken < kMostOvertaken) continue;
      return followed;
    }
    const std::unordered_set<uint32_t> tables = TablesInDoubt();
    if (tables.empty()) {
      {
        const std::scoped_lock lock(mutex_);
        if (!segments_.empty()) continue;
        settled_ = finder_->reached();
        changed_.notify_all();
      }
      TakeBaseIfDue(stop);
      return {};
    }
    const Clock::time_point begun = Clock::now();
    ASSIGN_OR_RETURN(TablesAt snapshot,
                     TakeTableSnapshot(options_, source_, tables, store_, *appender_, stop));
    if (options_.metrics != nullptr) options_.metrics->NoteTableSnapshot();
    std::set<uint32_t> copied;
    for (const SnapshotPart& part : snapshot.parts) {
      if (!copied.insert(part.relation.oid).second) continue;
      spdlog::info("the table {}.{} is exact again from {} on", part.relation.schema,
                   part.relation.name, snapshot.lsn.ToString());
    }
    for (const uint32_t oid : tables) {
      if (!copied.contains(oid)) unpublished_[oid] = snapshot.lsn;
    }
    if (!snapshot.parts.empty()) finder_->AddSnapshot(std::move(snapshot));
    // A table that is rewritten again and again is copied for half of the time at most.
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, Clock::now() - begun, [this] { return segments_.empty(); });
    if (stop.stop_requested()) return {};
  }
}

// What fails here is tried again later, and keeps nobody else from his work.
void TableSnapshots::TakeBaseIfDue(const std::stop_token& stop) {
  const Clock::time_point begun = Clock::now();
  if (base_stop_.stop_requested() || !base_policy_.IsDue(Timestamp::Now())) return;
  if (base_retry_.has_value() && begun < *base_retry_) return;
  const std::unique_lock<std::mutex> turn(*turn_, std::try_to_lock);
  if (!turn.owns_lock()) {
    base_retry_ = begun + kTurnLook;
    return;
  }
  const std::stop_callback forward(stop, [this] { base_stop_.request_stop(); });
  spdlog::info("a new base snapshot is due: copying all tables while capture goes on");
  Result<TablesAt> snapshot =
      TakePeriodicSnapshot(options_, source_, store_, *appender_, base_stop_.get_token());
  if (base_stop_.stop_requested() || StopRequested()) return;
  if (!snapshot) {
    const Error error = WithAdvice(std::move(snapshot).error());
    // Tables are copied in vain for half of the time at most.
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
    const std::chrono::milliseconds pause = std::max(base_backoff_.Next(), took);
    base_retry_ = Clock::now() + pause;
    if (options_.metrics != nullptr) {
      options_.metrics->NoteError(ErrorArea::kTableSnapshot, error.kind);
    }
    spdlog::warn("there is no new base snapshot yet: {}; trying again in {} ms", error.ToString(),
                 pause.count());
    return;
  }
  base_backoff_.Reset();
  base_retry_.reset();
  if (snapshot->parts.empty()) {
    base_retry_ = Clock::now() + kIdleLook;  // nothing is published
    return;
  }
  spdlog::info("base snapshot at {} completed", snapshot->lsn.ToString());
  if (options_.metrics != nullptr) options_.metrics->NoteBaseSnapshot();
  base_policy_.NoteBase(snapshot->lsn);
  finder_->AddSnapshot(*std::move(snapshot));
}

// Unless a segment comes before.
std::chrono::milliseconds TableSnapshots::NextLook() const {
  const auto due = base_policy_.NotDueFor(Timestamp::Now());
  if (!base_retry_.has_value()) return std::clamp(due.value_or(kIdleLook), kLeastLook, kIdleLook);
  const auto retry =
      std::chrono::duration_cast<std::chrono::milliseconds>(*base_retry_ - Clock::now());
  return std::clamp(retry, kLeastLook, kIdleLook);
}

// Takes the finder to the end of what is archived.
Result<void> TableSnapshots::Follow() {
  const auto count = [this](const SegmentReader& segment) { base_policy_.AddSegment(segment); };
  if (!finder_.has_value()) {
    finder_.emplace();
    ASSIGN_OR_RETURN(const Catalog catalog, LoadCatalog(*store_));
    const SnapshotEntry* base = catalog.SnapshotAtOrBefore(Lsn{UINT64_MAX});
    base_policy_.NoteBase(base == nullptr ? Lsn{} : base->lsn);
    TRY(FollowArchive(*store_, catalog, /*from_first=*/false, &*finder_, count));
  }
  while (const std::optional<std::pair<Lsn, Lsn>> segment = NextSegment()) {
    if (segment->second > finder_->reached()) {
      ASSIGN_OR_RETURN(const std::shared_ptr<const SegmentReader> reader,
                       OpenListed(*store_, SegmentObjectName(segment->first, segment->second)));
      TRY(finder_->AddSegment(reader));
      count(*reader);
    }
    const std::scoped_lock lock(mutex_);
    segments_.pop_front();
  }
  return {};
}

std::optional<std::pair<Lsn, Lsn>> TableSnapshots::NextSegment() {
  const std::scoped_lock lock(mutex_);
  return segments_.empty() ? std::nullopt : std::optional(segments_.front());
}

std::unordered_set<uint32_t> TableSnapshots::TablesInDoubt() const {
  std::unordered_set<uint32_t> tables;
  for (const DoubtInterval& doubt : finder_->open()) {
    const auto unpublished = unpublished_.find(doubt.oid);
    const bool gone = unpublished != unpublished_.end() && doubt.from < unpublished->second;
    if (doubt.until.has_value() || gone) continue;
    tables.insert(doubt.oid);
    spdlog::warn("the rows of the table {}.{} cannot be told from {} on: copying it anew",
                 doubt.table.first, doubt.table.second, doubt.from.ToString());
  }
  return tables;
}

}  // namespace trunkline
