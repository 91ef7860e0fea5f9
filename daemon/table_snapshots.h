// TableSnapshots: takes a snapshot of each table that comes into doubt, while capture goes on; and
// where asked to a base snapshot from time to time, which nobody waits for.
//
// Reads what is archived, and nothing else tells it which tables are in doubt: after a crash at any
// point the same tables are found again. The snapshot's LSN is past the segment that showed the
// doubt, since that was archived before.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <unordered_set>
#include <utility>

#include "archive/appender.h"
#include "archive/doubt_finder.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/failure_policy.h"
#include "daemon/snapshot_policy.h"
#include "daemon/snapshotter.h"
#include "daemon/source.h"

namespace trunkline {

class TableSnapshots {
 public:
  // Begins with the archive as it is in `store`; uses of the appender what may be called beside its
  // other use. A base snapshot is taken while `turn` is held, and put off while somebody else holds
  // it. None is owned.
  TableSnapshots(SnapshotOptions options, const SnapshotEvery& base_every, const Source& source,
                 Store* store, const Appender* appender, std::mutex* turn);
  // Gives up what is under way.
  ~TableSnapshots();
  TableSnapshots(const TableSnapshots&) = delete;
  TableSnapshots& operator=(const TableSnapshots&) = delete;

  // A segment is in the archive. From any thread.
  void NoteSegment(Lsn begin, Lsn end);

  // Waits until no table is in doubt at `end`, where the archive ends, but for those that have a
  // snapshot after it. An error when one cannot be had; kCancelled when a stop is requested.
  Result<void> Finish(Lsn end);

 private:
  void Run(const std::stop_token& stop);
  Result<void> Step(const std::stop_token& stop);
  Result<void> Follow();
  void TakeBaseIfDue(const std::stop_token& stop);
  std::chrono::milliseconds NextLook() const;
  std::unordered_set<uint32_t> TablesInDoubt() const;
  std::optional<std::pair<Lsn, Lsn>> NextSegment();

  const SnapshotOptions options_;
  const Source source_;
  Store* const store_;
  const Appender* const appender_;
  std::mutex* const turn_;

  // The thread's own.
  std::optional<DoubtFinder> finder_;  // none: to begin with the archive's listing
  std::stop_source base_stop_;         // no base snapshot goes on; of any thread
  SnapshotPolicy base_policy_;
  Backoff base_backoff_;
  // After a failure, when to try again.
  std::optional<std::chrono::steady_clock::time_point> base_retry_;
  std::map<uint32_t, Lsn> unpublished_;  // by relation OID: at which LSN it was found to be so

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::pair<Lsn, Lsn>> segments_;  // that the finder has not seen
  std::optional<Lsn> settled_;                // up to here no table lacks a snapshot
  std::optional<Error> failure_;              // of the last try

  std::jthread thread_;  // last: it uses everything above
};

}  // namespace trunkline
