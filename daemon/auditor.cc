#include "daemon/auditor.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "daemon/audit_source.h"
#include "daemon/snapshot_readers.h"

namespace trunkline {
namespace {

constexpr std::chrono::milliseconds kArchivePoll{100};
constexpr std::chrono::milliseconds kTurnPoll{100};
// For the archive to reach what the source has been read at.
constexpr std::chrono::hours kArchivePatience{1};

void LogReport(const AuditReport& report) {
  const std::string where = "audit at " + report.lsn.ToString();
  for (const std::string& line : report.left_out) spdlog::warn("{}: left out: {}", where, line);
  if (report.mismatches.empty()) {
    spdlog::info("{}: {} tables with {} rows are the same at the source and in the archive", where,
                 report.tables, report.rows);
    return;
  }
  for (const std::string& line : report.mismatches) spdlog::error("{}: {}", where, line);
  spdlog::error(
      "{}: THE ARCHIVE IS NOT WHAT THE SOURCE HOLDS in {} of {} tables (see \"A mismatch\" in "
      "docs/digest.md; begin with trunkline verify, and keep the archive as it is)",
      where, report.mismatches.size(), report.tables);
}

}  // namespace

Auditor::Auditor(AuditOptions options)
    : options_(std::move(options)), thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Auditor::~Auditor() = default;

void Auditor::NoteStream(const Source& source) {
  {
    const std::scoped_lock lock(mutex_);
    source_ = source;
  }
  changed_.notify_all();
}

void Auditor::NoteStreamEnded() {
  const std::scoped_lock lock(mutex_);
  source_.reset();
}

void Auditor::Run(const std::stop_token& stop) {
  Clock::time_point due = Clock::now() + options_.every / 10;
  while (const std::optional<Source> source = AwaitTurn(stop, due)) {
    const std::unique_lock<std::mutex> turn = TakeTurn(stop);
    if (stop.stop_requested()) return;
    const Clock::time_point begun = Clock::now();
    const Result<AuditReport> report = Audit(*source, stop);
    if (stop.stop_requested()) return;
    if (report) {
      options_.metrics->NoteAudit(report->mismatches.size(), report->left_out.size());
      LogReport(*report);
    } else {
      options_.metrics->NoteError(ErrorArea::kAudit, report.error().kind);
      spdlog::warn("no audit this time: {}", report.error().ToString());
    }
    const Clock::time_point ended = Clock::now();
    due = std::max(begun + options_.every, ended + (ended - begun));
  }
}

std::optional<Source> Auditor::AwaitTurn(const std::stop_token& stop, Clock::time_point due) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, due, [] { return false; });
  changed_.wait(lock, stop, [this] { return source_.has_value(); });
  return stop.stop_requested() ? std::nullopt : source_;
}

// Whoever else reads all of the source goes first.
std::unique_lock<std::mutex> Auditor::TakeTurn(const std::stop_token& stop) {
  if (options_.turn == nullptr) return {};
  std::unique_lock turn(*options_.turn, std::defer_lock);
  while (!stop.stop_requested() && !turn.try_lock()) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, kTurnPoll, [] { return false; });
  }
  return turn;
}

Result<AuditReport> Auditor::Audit(const Source& source, const std::stop_token& stop) {
  Lsn lsn;
  std::vector<DigestedTable> at_source;
  {
    ASSIGN_OR_RETURN(SnapshotReaders readers,
                     SnapshotReaders::Open(options_.conninfo, options_.slot, "audit", source,
                                           /*connections=*/1, stop));
    lsn = readers.lsn();
    spdlog::debug("audit at {}: the source digests its tables", lsn.ToString());
    ASSIGN_OR_RETURN(at_source, DigestSource(&readers.first(), options_.publication));
  }
  TRY(AwaitArchive(lsn, stop));
  ASSIGN_OR_RETURN(const std::vector<DigestedTable> archived,
                   DigestArchive(options_.archive, lsn, stop));
  return CompareDigests(lsn, at_source, archived);
}

Result<void> Auditor::AwaitArchive(Lsn lsn, const std::stop_token& stop) {
  wanted_ = lsn.value;
  const Clock::time_point deadline = Clock::now() + kArchivePatience;
  std::unique_lock lock(mutex_);
  while (options_.metrics->Read().archived < lsn) {
    if (Clock::now() > deadline) {
      return Fail(ErrorKind::kUnavailable, "the archive has not reached " + lsn.ToString() +
                                               ", where the source was read, within an hour");
    }
    changed_.wait_for(lock, stop, kArchivePoll, [] { return false; });
    if (stop.stop_requested()) return Fail(ErrorKind::kCancelled, "stopped");
  }
  return {};
}

}  // namespace trunkline
