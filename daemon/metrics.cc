#include "daemon/metrics.h"

#include <algorithm>

namespace trunkline {
namespace {

// WAL without changes of ours that the archive may lack on an idle source (capture.cc), and that a
// source may have decoded without a word to us.
constexpr uint64_t kSilentWalBytes = 16 << 20;

constexpr char kOtherTables[] = "(other)";

void Add(const TableTotals& totals, TableTotals* sum) {
  sum->changes += totals.changes;
  sum->raw_bytes += totals.raw_bytes;
}

uint64_t Distance(Lsn from, Lsn to) { return to > from ? to.value - from.value : 0; }

}  // namespace

std::string_view ToString(Activity activity) {
  switch (activity) {
    case Activity::kStarting:
      return "starting";
    case Activity::kSnapshot:
      return "snapshot";
    case Activity::kStreaming:
      return "streaming";
    case Activity::kStandby:
      return "standby";
    case Activity::kReconnecting:
      return "reconnecting";
    case Activity::kStopping:
      return "stopping";
  }
  return "";
}

std::string_view ToString(ErrorArea area) {
  switch (area) {
    case ErrorArea::kCapture:
      return "capture";
    case ErrorArea::kArchive:
      return "archive";
    case ErrorArea::kTableSnapshot:
      return "table_snapshot";
    case ErrorArea::kAudit:
      return "audit";
  }
  return "";
}

Metrics::Metrics() : complete_at_(Timestamp::Now()) {}

void Metrics::SetSpooled(bool spooled) {
  const std::scoped_lock lock(mutex_);
  spooled_ = spooled;
}

void Metrics::SetActivity(Activity activity) {
  const std::scoped_lock lock(mutex_);
  SetActivityLocked(activity);
}

// A stop is final, whatever winds up behind it.
void Metrics::SetActivityLocked(Activity activity) {
  if (figures_.activity != Activity::kStopping) figures_.activity = activity;
}

void Metrics::StreamStarted(Lsn start) {
  const std::scoped_lock lock(mutex_);
  SetActivityLocked(Activity::kStreaming);
  ++figures_.streams;
  loop_due_ = Clock::now() + kLoopPatience;
  heard_ = false;
  // What the last stream brought and the archive did not get comes again.
  while (!submitted_.empty() && submitted_.back().end > start) submitted_.pop_back();
  open_oldest_commit_.reset();
  figures_.received = start;
}

void Metrics::NoteTurn(const StreamTurn& turn, Clock::time_point now) {
  const std::scoped_lock lock(mutex_);
  loop_due_ = now + kLoopPatience;
  heard_ = heard_ || turn.heard;
  figures_.received = std::max(figures_.received, turn.received);
  figures_.received_bytes += turn.received_bytes;
  open_oldest_commit_ = turn.oldest_commit;
  if (CaughtUp()) complete_at_ = Timestamp::Now();
}

void Metrics::NoteConfirmed(Lsn lsn) {
  const std::scoped_lock lock(mutex_);
  figures_.confirmed = std::max(figures_.confirmed, lsn);
}

void Metrics::NoteSubmitted(Lsn end, std::optional<Timestamp> oldest_commit) {
  const std::scoped_lock lock(mutex_);
  submitted_.push_back({end, oldest_commit});
  open_oldest_commit_.reset();
}

void Metrics::StreamEnded() {
  const std::scoped_lock lock(mutex_);
  SetActivityLocked(Activity::kReconnecting);
  loop_due_.reset();
  store_called_.reset();
  store_failed_ = false;
}

void Metrics::StoreCalled(Clock::time_point now) {
  const std::scoped_lock lock(mutex_);
  store_called_ = now;
}

void Metrics::StoreReturned(bool failed) {
  const std::scoped_lock lock(mutex_);
  store_called_.reset();
  store_failed_ = failed;
}

void Metrics::NoteAppended(const std::vector<AppendedSegment>& segments, Clock::duration took) {
  const std::scoped_lock lock(mutex_);
  const uint64_t segments_before = figures_.segments;
  for (const AppendedSegment& segment : segments) AddSegment(segment);
  if (figures_.segments == segments_before) return;  // a gap is published once in a while
  PublishHistogram& publish = figures_.publish;
  const double seconds = std::chrono::duration<double>(took).count();
  ++publish.count;
  publish.sum_seconds += seconds;
  const auto& bounds = PublishHistogram::kBoundsSeconds;
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), seconds);
  if (bound != bounds.end()) ++publish.counts[static_cast<size_t>(bound - bounds.begin())];
}

void Metrics::AddSegment(const AppendedSegment& segment) {
  if (segment.kind == SegmentKind::kGap) {
    ++figures_.gaps;
    return;
  }
  ++figures_.segments;
  figures_.segment_bytes += segment.bytes;
  figures_.transactions += segment.transactions;
  figures_.changes += segment.changes;
  AddTables(segment.tables);
}

void Metrics::AddTables(const std::vector<TableTotals>& tables) {
  for (const TableTotals& table : tables) {
    const auto known = tables_.find({table.schema, table.name});
    if (known != tables_.end()) {
      Add(table, &known->second);
    } else if (tables_.size() < kTables) {
      tables_[{table.schema, table.name}] = table;
    } else {
      TableTotals& others = tables_[{kOtherTables, kOtherTables}];
      others.schema = others.name = kOtherTables;
      Add(table, &others);
    }
  }
}

void Metrics::NoteDurable(Lsn end) {
  const std::scoped_lock lock(mutex_);
  if (!spooled_) ArchivedLocked(end);
}

void Metrics::NoteArchived(Lsn end) {
  const std::scoped_lock lock(mutex_);
  ArchivedLocked(end);
}

void Metrics::ArchivedLocked(Lsn end) {
  figures_.archived = std::max(figures_.archived, end);
  while (!submitted_.empty() && submitted_.front().end <= end) submitted_.pop_front();
}

void Metrics::NotePending(uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  figures_.pending_bytes = bytes;
}

void Metrics::NoteSpool(uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  figures_.spool_bytes = bytes;
}

void Metrics::NoteSlot(Lsn source, uint64_t kept_bytes, std::optional<int64_t> safe_bytes) {
  const std::scoped_lock lock(mutex_);
  figures_.source = source;
  figures_.slot_kept_bytes = kept_bytes;
  figures_.slot_safe_bytes = safe_bytes;
}

void Metrics::NoteError(ErrorArea area, ErrorKind kind) {
  const std::scoped_lock lock(mutex_);
  ++figures_.errors[{area, kind}];
}

void Metrics::NoteReconnect() {
  const std::scoped_lock lock(mutex_);
  ++figures_.reconnects;
}

void Metrics::NoteSnapshot(const SnapshotReading& reading) {
  const std::scoped_lock lock(mutex_);
  figures_.snapshot = reading;
}

void Metrics::NoteBaseSnapshot() {
  const std::scoped_lock lock(mutex_);
  ++figures_.base_snapshots;
}

void Metrics::NoteTableSnapshot() {
  const std::scoped_lock lock(mutex_);
  ++figures_.table_snapshots;
}

void Metrics::NoteAudit(uint64_t differing, uint64_t left_out) {
  const std::scoped_lock lock(mutex_);
  ++figures_.audits;
  figures_.audit_mismatches += differing;
  figures_.audited_at = Timestamp::Now();
  figures_.audit_differing = differing;
  figures_.audit_left_out = left_out;
}

std::optional<Timestamp> Metrics::OldestNotArchived() const {
  for (const Submitted& segment : submitted_) {
    if (segment.oldest_commit.has_value()) return segment.oldest_commit;
  }
  return open_oldest_commit_;
}

bool Metrics::CaughtUp() const {
  return figures_.activity == Activity::kStreaming && heard_ && !OldestNotArchived().has_value() &&
         Distance(figures_.received, figures_.source) <= kSilentWalBytes;
}

MetricsReading Metrics::Read(Clock::time_point now, Timestamp time) const {
  const std::scoped_lock lock(mutex_);
  MetricsReading reading = figures_;
  for (const auto& [name, totals] : tables_) reading.tables.push_back(totals);
  reading.source = std::max(figures_.source, figures_.received);
  if (figures_.archived.valid()) reading.lag_bytes = Distance(figures_.archived, reading.source);
  if (!CaughtUp()) {
    const Timestamp since = OldestNotArchived().value_or(complete_at_);
    reading.lag_seconds =
        std::max<double>(0, static_cast<double>(time.micros - since.micros) / 1e6);
  }
  if (loop_due_.has_value() && now > *loop_due_) {
    reading.overdue = std::chrono::duration_cast<std::chrono::milliseconds>(now - *loop_due_);
  }
  const bool hangs = store_called_.has_value() && now - *store_called_ > kStorePatience;
  reading.archive_away = store_failed_ || hangs;
  return reading;
}

}  // namespace trunkline
