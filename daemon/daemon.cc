#include "daemon/daemon.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>
#include <utility>

#include "archive/identity.h"
#include "daemon/archived_definition.h"
#include "daemon/capture.h"
#include "daemon/ddl_capture.h"
#include "daemon/publication.h"
#include "daemon/reminder.h"
#include "daemon/slot.h"
#include "daemon/spool_change_store.h"
#include "daemon/starting_point.h"
#include "daemon/stop_signal.h"
#include "daemon/wakeup.h"

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::Mode;
using postgres::Rows;

// For the archive to take what is spooled, once a stop is requested.
constexpr std::chrono::seconds kUploadPatience{10};

constexpr std::chrono::milliseconds kBusyPause{2'000};

// Where somebody was faster, above all with a TRUNCATE of a table just before a snapshot could lock
// it: the next attempt is as likely to succeed as this one was, however many there have been.
constexpr std::chrono::milliseconds kConflictPause{250};

// Where somebody locks the catalogs for long, the log is to say so.
constexpr char kLockTimeout[] = "SET lock_timeout = '30s'";

// How long nothing may be confirmed at least, while the source writes, before that is said.
constexpr std::chrono::minutes kStandstillPatience{1};

// An attempt that lasted this long was a success: the next failure is a new one.
constexpr std::chrono::minutes kGoodAttempt{1};

// The slot alone elects the writer while it streams; this does before, so that two daemons never
// take a base snapshot at once. Goes with the connection, which ends when the stream has begun.
Result<void> TakeTurn(Connection* connection, const std::string& slot) {
  const std::string parameters[] = {"trunkline:" + slot};
  ASSIGN_OR_RETURN(const Rows rows, connection->Exec("SELECT pg_catalog.pg_try_advisory_lock("
                                                     "pg_catalog.hashtextextended($1, 0))",
                                                     parameters));
  if (rows.at(0, 0) == "t") return {};
  return Fail(ErrorKind::kBusy,
              "another daemon captures through the slot " + postgres::QuoteIdentifier(slot),
              "this one takes over when it ends");
}

Result<void> CheckWalLevel(Connection* connection) {
  ASSIGN_OR_RETURN(const Rows rows, connection->Exec("SHOW wal_level"));
  if (rows.at(0, 0) == "logical") return {};
  return Fail(ErrorKind::kFailed, "the source has wal_level = " + std::string(rows.at(0, 0)),
              "ALTER SYSTEM SET wal_level = logical; then restart the server");
}

// After which the server gives a silent client up; 0: never.
Result<std::chrono::milliseconds> WalSenderTimeout(Connection* replication) {
  ASSIGN_OR_RETURN(const Rows rows, replication->Exec("SELECT setting FROM pg_catalog.pg_settings"
                                                      " WHERE name = 'wal_sender_timeout'"));
  int64_t millis = 0;
  if (rows.size() == 1) {
    const std::string_view text = rows.at(0, 0);
    std::from_chars(text.data(), text.data() + text.size(), millis);
  }
  return std::chrono::milliseconds(millis);
}

// Well within that time.
std::chrono::milliseconds FeedbackInterval(std::chrono::milliseconds wal_sender_timeout) {
  constexpr std::chrono::milliseconds kShortest{10};
  constexpr std::chrono::milliseconds kLongest{10'000};
  if (wal_sender_timeout.count() <= 0) return kLongest;
  return std::clamp(wal_sender_timeout / 3, kShortest, kLongest);
}

}  // namespace

Daemon::Daemon(Options options, Metrics* metrics)
    : options_(std::move(options)),
      metrics_(metrics),
      definition_asker_(AskOverConnection(options_.source, options_.publication)),
      definitions_(options_.publication, &definition_asker_) {
  failure_context_.crosses_gaps = options_.on_gap == OnGap::kContinue;
}

SegmentOptions Daemon::segment_options() const {
  SegmentOptions options;
  options.scratch_directory = options_.spool;
  // Four segments may exist at once: one being filled, two that wait and one being published.
  options.memory_bytes = 4 << 20;
  return options;
}

SnapshotOptions Daemon::snapshot_options() const {
  return {.conninfo = options_.source,
          .publication = options_.publication,
          .slot = options_.slot,
          .part_max_bytes = options_.segment_max_bytes,
          .range_bytes = options_.snapshot_range_bytes,
          .segment = segment_options(),
          .connections = options_.snapshot_connections,
          .metrics = metrics_};
}

Result<void> Daemon::Run() {
  TRY(OpenStores());
  TRY(PrepareAudits());
  Backoff backoff(std::random_device{}());
  Reminder busy_reminder;
  for (;;) {
    const auto begun = std::chrono::steady_clock::now();
    Result<void> outcome = Attempt();
    if (outcome) return Finish();
    Error error = WithAdvice(std::move(outcome).error());
    switch (Classify(error, failure_context_)) {
      case Reaction::kFinish:
        spdlog::info("{}", error.message);
        return Finish();
      case Reaction::kStop:
        return Fail(std::move(error));
      case Reaction::kRetry:
        break;
    }
    ReportRetry(error);
    if (std::chrono::steady_clock::now() - begun > kGoodAttempt) backoff.Reset();
    std::chrono::milliseconds wait = backoff.Next();
    // Whoever waits for another's end is to take over soon after it.
    const bool busy = error.kind == ErrorKind::kBusy;
    if (busy) wait = std::min(wait, kBusyPause);
    if (error.kind == ErrorKind::kConflict) wait = std::min(wait, kConflictPause);
    const auto now = std::chrono::steady_clock::now();
    if (!busy) (void)busy_reminder.Over(now);
    if (!busy || busy_reminder.Lasts(now)) {
      spdlog::warn("{}; trying again in {} ms", error.ToString(), wait.count());
    }
    if (WaitFor(StopWakeup(), wait)) return Finish();
  }
}

void Daemon::ReportRetry(const Error& error) {
  if (error.kind == ErrorKind::kBusy) {
    metrics_->SetActivity(Activity::kStandby);
    return;
  }
  metrics_->SetActivity(Activity::kReconnecting);
  metrics_->NoteError(ErrorArea::kCapture, error.kind);
  metrics_->NoteReconnect();
}

Result<void> Daemon::OpenStores() {
  ASSIGN_OR_RETURN(store_, OpenStore(options_.archive));
  const bool confirms_spool = options_.confirm == Confirm::kSpooled;
  metrics_->SetSpooled(confirms_spool);
  if (!confirms_spool && !SpooledStore::IsUsed(options_.spool)) return {};
  ASSIGN_OR_RETURN(
      std::unique_ptr<SpooledStore> spooled,
      SpooledStore::Open(std::move(store_), {options_.spool, options_.spool_max_bytes, metrics_}));
  if (confirms_spool) {
    spooled_ = spooled.get();
    store_ = std::move(spooled);
    return {};
  }
  // What earlier runs confirmed has to be in the archive before it is compared with the slot.
  TRY(spooled->Drain(kUploadPatience));
  ASSIGN_OR_RETURN(store_, OpenStore(options_.archive));
  return {};
}

Result<void> Daemon::Finish() {
  metrics_->SetActivity(Activity::kStopping);
  return spooled_ == nullptr ? Result<void>() : spooled_->Drain(kUploadPatience);
}

Result<void> Daemon::Attempt() {
  ASSIGN_OR_RETURN(Connection connection,
                   Connection::Open(options_.source, Mode::kNormal, kApplicationName));
  ASSIGN_OR_RETURN(Connection replication,
                   Connection::Open(options_.source, Mode::kReplication, kApplicationName));
  failure_context_.source_was_reached = true;
  TRY(connection.Exec(kLockTimeout));
  ASSIGN_OR_RETURN(const Source source, IdentifySource(&replication));
  TRY(CheckSameServer(&connection, source));
  TRY(TakeTurn(&connection, options_.slot));
  TRY(PrepareSource(&connection));
  WatchSource();
  StartingPoint starting_point(&connection, &replication, source, options_.slot,
                               options_.on_gap == OnGap::kStop);
  TRY(starting_point.ExamineSlot(std::exchange(slot_failure_, std::nullopt)));
  TRY(OpenArchive(source));
  ASSIGN_OR_RETURN(const Lsn start, starting_point.Prepare(appender_.get()));
  metrics_->NoteAppended(appender_->last_appended(), {});  // a gap, if anything
  metrics_->NoteDurable(start);
  TRY(PrepareSnapshot(source));
  TableSnapshots table_snapshots(snapshot_options(), options_.snapshot_every, source, store_.get(),
                                 appender_.get(), &whole_source_);
  if (end_position_.has_value() && start >= *end_position_) {
    spdlog::info("the archive reaches {} already", end_position_->ToString());
  } else {
    ASSIGN_OR_RETURN(const bool ddl_captured, CapturesDdl(&connection, options_.publication));
    definitions_.NoteStream(ddl_captured);
    TRY(Stream(std::move(connection), std::move(replication), source, start, &table_snapshots));
  }
  if (StopRequested()) return {};
  return table_snapshots.Finish(appender_->end());
}

Result<void> Daemon::PrepareSource(Connection* connection) {
  if (source_was_prepared_) return CheckPublicationExists(connection, options_);
  TRY(CheckWalLevel(connection));
  TRY(EnsurePublication(connection, options_));
  // Before anything is made that would be of no use: the archive, the slot, which keeps WAL.
  const Result<Identity> identity = ReadIdentity(*store_);
  if (!identity && identity.error().kind == ErrorKind::kNotFound) {
    TRY(CheckTablesReadable(connection, options_.publication));
  }
  if (const Lsn* lsn = std::get_if<Lsn>(&options_.end_position)) end_position_ = *lsn;
  if (std::holds_alternative<EndNow>(options_.end_position)) {
    ASSIGN_OR_RETURN(end_position_, CurrentLsn(connection));
  }
  source_was_prepared_ = true;
  return {};
}

void Daemon::WatchSource() {
  if (source_watch_ != nullptr) return;
  // Several open segments' time, so that only what is out of the ordinary counts.
  const auto patience =
      std::max<std::chrono::milliseconds>(kStandstillPatience, 3 * options_.segment_max_age);
  source_watch_ =
      std::make_unique<SourceWatch>(SourceWatchOptions{.conninfo = options_.source,
                                                       .publication = options_.publication,
                                                       .slot = options_.slot,
                                                       .patience = patience,
                                                       .metrics = metrics_});
}

Result<void> Daemon::PrepareAudits() {
  if (options_.audit_every.count() == 0) return {};
  ASSIGN_OR_RETURN(std::string trunkline, FindTrunkline());
  auditor_ = std::make_unique<Auditor>(
      AuditOptions{.conninfo = options_.source,
                   .publication = options_.publication,
                   .slot = options_.slot,
                   .archive = {.program = std::move(trunkline),
                               .archive = options_.archive,
                               .scratch = options_.spool,
                               .memory_bytes = options_.audit_memory_bytes},
                   .every = options_.audit_every,
                   .metrics = metrics_,
                   .turn = &whole_source_});
  return {};
}

// Opened anew for each attempt: the archive alone knows how far it came.
Result<void> Daemon::OpenArchive(const Source& source) {
  appender_.reset();
  const Identity identity{.system_identifier = source.system_identifier,
                          .database = source.database,
                          .publication = options_.publication,
                          .slot = options_.slot};
  Result<std::unique_ptr<Appender>> appender = archive_was_opened_
                                                   ? Appender::OpenExisting(store_.get(), identity)
                                                   : Appender::Open(store_.get(), identity);
  if (!appender) {
    Error error = std::move(appender).error();
    return Fail(archive_was_opened_ ? AwayForNow(std::move(error)) : std::move(error));
  }
  appender_ = *std::move(appender);
  archive_was_opened_ = true;
  spdlog::info(
      "Postgres {}.{}, system {}, timeline {}, database {}; archive {} {}",
      source.server_version / 10000, source.server_version % 10000, source.system_identifier,
      source.timeline, source.database, store_->url(),
      appender_->end().valid() ? "ends at " + appender_->end().ToString() : "has no segment yet");
  return {};
}

Result<void> Daemon::PrepareSnapshot(const Source& source) {
  if (!appender_->has_complete_snapshot()) {
    metrics_->SetActivity(Activity::kSnapshot);
    ASSIGN_OR_RETURN(DescribedTables tables,
                     TakeBaseSnapshot(snapshot_options(), source, store_.get(), appender_.get()));
    metrics_->NoteBaseSnapshot();
    definitions_.Learn(std::move(tables));
    definitions_known_ = true;
  }
  if (definitions_known_ && !definitions_.uncertain()) return {};
  Result<std::optional<DescribedTables>> newest = NewestDefinition(*store_, options_.publication);
  if (!newest) return Fail(AwayForNow(std::move(newest).error()));
  definitions_.Learn(std::move(*newest).value_or(DescribedTables{}));
  definitions_known_ = true;
  return {};
}

Result<void> Daemon::Stream(Connection turn, Connection replication, const Source& source,
                            Lsn start, TableSnapshots* table_snapshots) {
  CaptureOptions options{
      .segment = segment_options(),
      .segment_max_bytes = options_.segment_max_bytes,
      .segment_max_age = options_.segment_max_age,
      .end_position = end_position_,
      .wanted = [this] { return auditor_ == nullptr ? Lsn() : auditor_->wanted(); },
      .on_appended = [table_snapshots](Lsn begin,
                                       Lsn end) { table_snapshots->NoteSegment(begin, end); },
      .metrics = metrics_};
  ASSIGN_OR_RETURN(const std::chrono::milliseconds timeout, WalSenderTimeout(&replication));
  options.feedback_interval = FeedbackInterval(timeout);
  options.silence_patience = SilencePatience(timeout, silent_attempts_);
  ASSIGN_OR_RETURN(
      ReplicationStream stream,
      ReplicationStream::Start(
          std::move(replication),
          {.slot = options_.slot, .publication = options_.publication, .start = start}));
  TRY(CheckSlotGives(&turn, options_.slot, start));
  // The slot elects from here on. A session kept for the turn alone would keep it, where the
  // network loses us, for as long as the server takes to notice.
  { const Connection ended = std::move(turn); }
  spdlog::info("streaming from {}", start.ToString());
  SpoolChangeStore spool({.directory = options_.spool, .metrics = metrics_});
  Capture capture(options, std::move(stream), source, start, appender_.get(), &spool,
                  &definitions_);
  metrics_->StreamStarted(start);
  if (auditor_ != nullptr) auditor_->NoteStream(source);
  Result<void> outcome = capture.Run();
  if (auditor_ != nullptr) auditor_->NoteStreamEnded();
  if (outcome) metrics_->SetActivity(Activity::kStopping);
  metrics_->StreamEnded();
  silent_attempts_ =
      capture.source_was_silent() && capture.durable() <= start ? silent_attempts_ + 1 : 0;
  if (!outcome && outcome.error().kind == ErrorKind::kGap) {
    slot_failure_ = SlotFailure{outcome.error().message, capture.durable()};
  }
  return outcome;
}

}  // namespace trunkline
