// Auditor: compares source and archive at intervals, on a thread of its own, and says loudly where
// they differ.
//
// An audit takes a snapshot of the source at an LSN, as a base snapshot does, has the server digest
// its tables in it, waits until the archive reaches that LSN, and has trunkline digest the archive
// there. Nothing of the daemon's depends on it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/lsn.h"
#include "daemon/audit_archive.h"
#include "daemon/audit_comparison.h"
#include "daemon/metrics.h"
#include "daemon/source.h"

namespace trunkline {

struct AuditOptions {
  std::string conninfo;
  std::string publication;
  std::string slot;
  ArchiveDigestOptions archive;
  // From the beginning of one audit to that of the next, or twice as long as one takes where that
  // is longer; a tenth of it to the first one, so that restarts do not keep it away.
  std::chrono::milliseconds every{0};
  Metrics* metrics = nullptr;  // tells how far the archive is; not owned
  // Held while an audit is made; not owned, may be null.
  std::mutex* turn = nullptr;
};

class Auditor {
 public:
  explicit Auditor(AuditOptions options);
  // Gives up what is under way.
  ~Auditor();
  Auditor(const Auditor&) = delete;
  Auditor& operator=(const Auditor&) = delete;

  // The stream that is archived comes from `source` from now on. Audits are made while there is
  // one. From any thread.
  void NoteStream(const Source& source);
  void NoteStreamEnded();
  // The archive is to reach this LSN soon, though nothing be in it. From any thread.
  Lsn wanted() const { return Lsn{wanted_.load(std::memory_order_relaxed)}; }

 private:
  using Clock = std::chrono::steady_clock;

  void Run(const std::stop_token& stop);
  // Empty when a stop is requested.
  std::optional<Source> AwaitTurn(const std::stop_token& stop, Clock::time_point due);
  std::unique_lock<std::mutex> TakeTurn(const std::stop_token& stop);
  Result<AuditReport> Audit(const Source& source, const std::stop_token& stop);
  Result<void> AwaitArchive(Lsn lsn, const std::stop_token& stop);

  const AuditOptions options_;
  std::atomic<uint64_t> wanted_{0};

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Source> source_;  // of the stream; none while there is no stream

  std::jthread thread_;  // last: it uses everything above
};

}  // namespace trunkline
