// Metrics: what the daemon tells of itself while it runs.
//
// Its parts report into one object, which whoever wants to know reads as a whole. Reports come a
// turn of the capture loop, a segment, an attempt; none comes a change. Neither side knows the
// other, nor in which form the figures leave the process (metrics_text.h, health.h).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/appender.h"
#include "base/error.h"
#include "base/lsn.h"
#include "base/timestamp.h"

namespace trunkline {

enum class Activity {
  kStarting,      // has not reached the source yet, or prepares it
  kSnapshot,      // takes a base snapshot
  kStreaming,     // follows the stream
  kStandby,       // waits for its turn: another daemon captures
  kReconnecting,  // waits to try again after a failure
  kStopping,      // takes nothing more
};
inline constexpr size_t kActivities = 6;
std::string_view ToString(Activity activity);

// Where an error came from.
enum class ErrorArea { kCapture, kArchive, kTableSnapshot, kAudit };
std::string_view ToString(ErrorArea area);

struct SnapshotReading {
  uint64_t tables = 0;  // to be copied
  uint64_t tables_done = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;  // as COPY sends them
};

// How often the archive took the segments that waited within a time.
struct PublishHistogram {
  static constexpr std::array<double, 13> kBoundsSeconds = {
      0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  std::array<uint64_t, kBoundsSeconds.size()> counts{};  // of each bound alone
  uint64_t count = 0;                                    // also of those above the last bound
  double sum_seconds = 0;
};

// All figures at one instant.
struct MetricsReading {
  Activity activity = Activity::kStarting;
  // For how long the capture loop has been overdue; zero: it is not.
  std::chrono::milliseconds overdue{0};
  // The archive's store refuses a segment, or has not answered for long.
  bool archive_away = false;

  Lsn source;     // how far the source has written, as far as is known
  Lsn received;   // how far it has sent
  Lsn confirmed;  // what it was told to be durable
  Lsn archived;   // how far the archive reaches
  uint64_t lag_bytes = 0;
  double lag_seconds = 0;
  uint64_t slot_kept_bytes = 0;
  std::optional<int64_t> slot_safe_bytes;  // nothing: no limit

  uint64_t received_bytes = 0;
  uint64_t transactions = 0;  // these five are of what was archived
  uint64_t changes = 0;
  uint64_t segments = 0;
  uint64_t segment_bytes = 0;
  std::vector<TableTotals> tables;
  uint64_t gaps = 0;
  PublishHistogram publish;

  uint64_t spool_bytes = 0;    // of streamed transactions on disk
  uint64_t pending_bytes = 0;  // confirmed, but not in the archive

  uint64_t streams = 0;  // begun
  uint64_t reconnects = 0;
  std::map<std::pair<ErrorArea, ErrorKind>, uint64_t> errors;
  SnapshotReading snapshot;  // the one under way, else the last one
  uint64_t base_snapshots = 0;
  uint64_t table_snapshots = 0;
  uint64_t audits = 0;            // completed
  uint64_t audit_mismatches = 0;  // tables that differed, over all of them
  // Of the last one.
  std::optional<Timestamp> audited_at;
  uint64_t audit_differing = 0;  // tables
  uint64_t audit_left_out = 0;   // tables
};

// Of one turn of the capture loop.
struct StreamTurn {
  Lsn received;
  uint64_t received_bytes = 0;  // since the turn before
  bool heard = false;           // anything came
  // Of the first transaction of the open segment, if it has one.
  std::optional<Timestamp> oldest_commit;
};

// Any thread may call any method at any time.
class Metrics {
 public:
  using Clock = std::chrono::steady_clock;

  // The capture loop comes round at least every ten seconds. One that has not for as long as this
  // hangs.
  static constexpr std::chrono::seconds kLoopPatience{60};
  // A store that takes longer for one segment is away.
  static constexpr std::chrono::seconds kStorePatience{30};
  // With figures of their own; those beyond, in the order in which they come, share one.
  static constexpr size_t kTables = 100;

  Metrics();

  // `spooled`: what is durable is not in the archive yet; NoteArchived says when it is.
  void SetSpooled(bool spooled);
  void SetActivity(Activity activity);

  // The capture loop. From StreamStarted to StreamEnded it is expected to come round.
  void StreamStarted(Lsn start);
  void NoteTurn(const StreamTurn& turn, Clock::time_point now);
  void NoteConfirmed(Lsn lsn);
  // The segment that ends at `end` waits to be archived; `oldest_commit` as above.
  void NoteSubmitted(Lsn end, std::optional<Timestamp> oldest_commit);
  void StreamEnded();

  // The store is called for a segment, and returns.
  void StoreCalled(Clock::time_point now);
  void StoreReturned(bool failed);
  // Segments that went in together.
  void NoteAppended(const std::vector<AppendedSegment>& segments, Clock::duration took);
  // Everything up to here is durable where the daemon is to put it.
  void NoteDurable(Lsn end);
  // And in the archive itself.
  void NoteArchived(Lsn end);
  void NotePending(uint64_t bytes);
  void NoteSpool(uint64_t bytes);

  void NoteSlot(Lsn source, uint64_t kept_bytes, std::optional<int64_t> safe_bytes);
  void NoteError(ErrorArea area, ErrorKind kind);
  void NoteReconnect();
  void NoteSnapshot(const SnapshotReading& reading);
  void NoteBaseSnapshot();
  void NoteTableSnapshot();
  // An audit is complete: so many tables differ, and so many were not compared.
  void NoteAudit(uint64_t differing, uint64_t left_out);

  MetricsReading Read() const { return Read(Clock::now(), Timestamp::Now()); }
  MetricsReading Read(Clock::time_point now, Timestamp time) const;

 private:
  struct Submitted {
    Lsn end;
    std::optional<Timestamp> oldest_commit;
  };

  // All of these hold mutex_.
  void SetActivityLocked(Activity activity);
  void ArchivedLocked(Lsn end);
  void AddSegment(const AppendedSegment& segment);
  void AddTables(const std::vector<TableTotals>& tables);
  std::optional<Timestamp> OldestNotArchived() const;
  bool CaughtUp() const;

  mutable std::mutex mutex_;
  MetricsReading figures_;  // as far as they do not depend on the time
  std::map<std::pair<std::string, std::string>, TableTotals> tables_;
  bool spooled_ = false;
  std::optional<Clock::time_point> loop_due_;
  std::optional<Clock::time_point> store_called_;
  bool store_failed_ = false;
  std::deque<Submitted> submitted_;  // what the archive lacks
  std::optional<Timestamp> open_oldest_commit_;
  bool heard_ = false;  // of the source, since the stream began
  // When the archive had all that the source had, as far as is known.
  Timestamp complete_at_;
};

}  // namespace trunkline
