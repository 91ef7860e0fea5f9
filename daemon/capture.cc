#include "daemon/capture.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <variant>

#include "base/fault.h"
#include "daemon/stop_signal.h"

namespace trunkline {
namespace {

// Messages handled between two looks at the clock.
constexpr int kMessagesPerTurn = 1024;
// WAL without changes of ours that is worth an empty segment.
constexpr uint64_t kIdleWalBytes = 16 << 20;
// How long a transaction half received may take to end once a stop is requested.
constexpr std::chrono::seconds kStopPatience{10};
// And for the archive to take what was received whole.
constexpr std::chrono::seconds kPublishPatience{30};
constexpr std::chrono::seconds kProgressInterval{30};
// The source sends each message by itself. Were each one to wake us, both sides would spend more on
// waking and sleeping than on the messages; this is long enough for a good many to gather, and too
// short for them to fill the socket's buffer or for anyone to notice.
constexpr std::chrono::microseconds kGatherTime{200};

// RELATION, or STREAM COMMIT, whose transaction may hold one that came when its DDL was not visible
// yet.
bool DescribesTables(std::string_view message) {
  return message.starts_with('R') || message.starts_with('c');
}

}  // namespace

Capture::Capture(const CaptureOptions& options, ReplicationStream stream, const Source& source,
                 Lsn start, Appender* appender, ChangeStore* change_store,
                 DefinitionTracker* definitions)
    : options_(options),
      stream_(std::move(stream)),
      publisher_(appender, source, &wakeup_, options.metrics, options.on_appended),
      feedback_(start, options.feedback_interval, Clock::now()),
      watchdog_(options.silence_patience),
      builder_(
          options.segment, options.segment_max_bytes, start, options.end_position,
          [this] { return OnHeartbeat(); }, definitions),
      definitions_(definitions),
      assembler_(&builder_, change_store),
      submitted_(start),
      progress_logged_(Clock::now()) {
  assembler_.set_relation_hook([this](const Relation& relation, const Relation*) -> Result<void> {
    definitions_->NoteRelation(relation);
    return {};
  });
}

Result<void> Capture::Run() {
  for (;;) {
    TRY(NotePublisher());
    NoteStopRequest();
    bool progressed = false;
    const bool reading = may_read();
    if (reading) {
      ASSIGN_OR_RETURN(progressed, ReadSome());
    }
    if (progressed || !reading) watchdog_.Heard();
    const Clock::time_point now = Clock::now();
    ReportTurn(now, progressed);
    if (segment_since_.has_value() && now >= *segment_since_ + options_.segment_max_age) {
      builder_.CloseAtNextCommit();
    }
    if (ShouldCut() && !publisher_.full()) {
      FAULT("capture.cut");
      Cut();
    }
    if (builder_.position() <= submitted_) cut_requested_ = false;
    if (finished()) break;
    if (ending_ == Ending::kStopRequested && now >= publish_deadline_) return Fail(NotArchived());
    TRY(SendStatusIfDue(now));
    WatchStore(now);
    TRY(WatchSource(now));
    LogProgress(now);
    if (!progressed) TRY(Wait());
  }
  // Tell the source what it may let go of; whether it hears it matters little.
  const StandbyStatus status = feedback_.Take(Clock::now());
  if (stream_.SendStatus(status, /*request_reply=*/false)) {
    options_.metrics->NoteConfirmed(status.flush);
  }
  spdlog::info("archived up to {}", feedback_.durable().ToString());
  return {};
}

bool Capture::finished() const {
  return ending_ != Ending::kNo && publisher_.idle() && !ShouldCut() &&
         feedback_.durable() >= submitted_;
}

Result<void> Capture::NotePublisher() {
  wakeup_.Clear();
  if (std::optional<Error> failure = publisher_.failure()) {
    return Fail(std::move(*failure).WithContext("cannot publish a segment"));
  }
  feedback_.Durable(publisher_.durable_end());
  return {};
}

void Capture::NoteStopRequest() {
  if (ending_ == Ending::kNo && builder_.reached_end()) ending_ = Ending::kEndReached;
  if (ending_ != Ending::kStopRequested && StopRequested()) {
    ending_ = Ending::kStopRequested;
    options_.metrics->SetActivity(Activity::kStopping);
    stop_deadline_ = Clock::now() + kStopPatience;
    publish_deadline_ = Clock::now() + kPublishPatience;
    spdlog::info("stopping: publishing the transactions received");
  }
}

Error Capture::NotArchived() const {
  return {ErrorKind::kFailed,
          "stopped although the archive does not take the changes from " +
              feedback_.durable().ToString() + " to " + builder_.position().ToString(),
          "they stay with the source, which sends them again at the next start"};
}

Result<void> Capture::OnHeartbeat() {
  NoteStopRequest();
  const Clock::time_point now = Clock::now();
  if (ending_ == Ending::kStopRequested && now >= stop_deadline_) {
    return Fail(ErrorKind::kCancelled, "stopped in a long transaction, which will come again");
  }
  feedback_.Durable(publisher_.durable_end());
  ReportTurn(now, /*heard=*/true);
  WatchStore(now);
  return SendStatusIfDue(now);
}

// After a stop request, only to the end of a transaction half received, and not for long.
bool Capture::may_read() const {
  if (publisher_.full() && (builder_.full() || ending_ != Ending::kNo)) return false;
  switch (ending_) {
    case Ending::kNo:
      return true;
    case Ending::kStopRequested:
      return !builder_.can_take() && Clock::now() < stop_deadline_;
    case Ending::kEndReached:
      return false;
  }
  return false;
}

Result<bool> Capture::ReadSome() {
  bool progressed = false;
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    ASSIGN_OR_RETURN(const std::optional<StreamMessage> message, stream_.Next());
    if (!message.has_value()) return progressed;
    progressed = true;
    TRY(Handle(*message));
    if (builder_.full() || builder_.reached_end() || cut_requested_) break;
    if (ending_ == Ending::kStopRequested && builder_.can_take()) break;
  }
  return progressed;
}

Result<void> Capture::Handle(const StreamMessage& message) {
  if (const auto* keepalive = std::get_if<Keepalive>(&message)) {
    if (keepalive->reply_requested) {
      feedback_.Requested();
      // We report often enough that it does not ask for signs of life: it waits for confirmation of
      // all it has sent, as when it shuts down.
      cut_requested_ = true;
    }
    feedback_.Received(keepalive->wal_end);
    // Whatever commits before wal_end has been sent. A streamed transaction may be open: should the
    // archive end past its beginning, the source sends it anew as a whole.
    builder_.Progress(keepalive->wal_end);
    return {};
  }
  FAULT("capture.message");
  const auto& data = std::get<XLogData>(message);
  feedback_.Received(data.wal_start);
  received_bytes_ += data.payload.size();
  turn_bytes_ += data.payload.size();
  if (DescribesTables(data.payload)) definitions_->NoteDescription(Clock::now());
  TRY(assembler_.Feed(data.wal_start, data.payload));
  if (!segment_since_.has_value() && !builder_.empty()) segment_since_ = Clock::now();
  return {};
}

bool Capture::ShouldCut() const {
  if (!builder_.can_take() || builder_.position() <= submitted_) return false;
  const bool asked = ending_ != Ending::kNo || cut_requested_;
  if (builder_.empty()) {
    return asked || builder_.position().value - submitted_.value >= kIdleWalBytes ||
           IsWanted(builder_.position());
  }
  if (asked || builder_.full()) return true;
  return segment_since_.has_value() && Clock::now() >= *segment_since_ + options_.segment_max_age;
}

bool Capture::IsWanted(Lsn end) const {
  if (!options_.wanted) return false;
  const Lsn wanted = options_.wanted();
  return submitted_ < wanted && wanted <= end;
}

void Capture::Cut() {
  const Lsn end = builder_.position();
  transactions_ += builder_.transactions();
  changes_ += builder_.changes();
  options_.metrics->NoteSubmitted(end, builder_.oldest_commit());
  publisher_.Submit(builder_.Take(), submitted_, end, std::exchange(received_bytes_, 0));
  submitted_ = end;
  segment_since_.reset();
  cut_requested_ = false;
}

Result<void> Capture::SendStatusIfDue(Clock::time_point now) {
  if (now < feedback_.due()) return {};
  FAULT("feedback.send");
  const StandbyStatus status = feedback_.Take(now);
  TRY(stream_.SendStatus(status, watchdog_.AsksWithStatus(now)));
  options_.metrics->NoteConfirmed(status.flush);
  return {};
}

void Capture::WatchStore(Clock::time_point now) {
  const std::optional<Clock::time_point> called = publisher_.store_called();
  if (!watchdog_.StoreHangs(called, now)) return;
  spdlog::warn(
      "the archive's store has not answered for {} s; archived up to {}, received up to {}",
      std::chrono::duration_cast<std::chrono::seconds>(now - *called).count(),
      feedback_.durable().ToString(), feedback_.received().ToString());
}

Result<void> Capture::WatchSource(Clock::time_point now) {
  if (!watchdog_.silent(now)) return {};
  source_was_silent_ = true;
  return Fail(ErrorKind::kUnavailable,
              "the source has sent nothing for " +
                  std::to_string(options_.silence_patience.count() / 1000) +
                  " s, not even the answer that it was asked for: giving the connection up",
              "the network between swallows what is sent, or the server process hangs: see "
              "pg_stat_activity there");
}

Capture::Clock::time_point Capture::NextDeadline() const {
  Clock::time_point deadline = feedback_.due();
  if (segment_since_.has_value() && builder_.can_take() && !publisher_.full()) {
    deadline = std::min(deadline, *segment_since_ + options_.segment_max_age);
  }
  if (ending_ == Ending::kStopRequested) {
    deadline = std::min(deadline, builder_.can_take() ? publish_deadline_ : stop_deadline_);
  }
  return deadline;
}

Result<void> Capture::Wait() {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(NextDeadline() - Clock::now()).count();
  short socket_events = 0;
  if (may_read()) socket_events |= POLLIN;
  if (stream_.has_unsent()) socket_events |= POLLOUT;
  pollfd events[] = {
      {.fd = wakeup_.fd(), .events = POLLIN, .revents = 0},
      // Once seen, the request is a state of ours; its descriptor stays readable.
      {.fd = ending_ != Ending::kStopRequested ? StopWakeup().fd() : -1,
       .events = POLLIN,
       .revents = 0},
      {.fd = socket_events != 0 ? stream_.socket() : -1, .events = socket_events, .revents = 0}};
  ::poll(events, std::size(events), static_cast<int>(std::clamp<int64_t>(left, 0, 60'000)));
  if ((events[2].revents & POLLIN) != 0) std::this_thread::sleep_for(kGatherTime);
  return stream_.has_unsent() ? stream_.Flush() : Result<void>();
}

void Capture::ReportTurn(Clock::time_point now, bool heard) {
  options_.metrics->NoteTurn({.received = feedback_.received(),
                              .received_bytes = std::exchange(turn_bytes_, 0),
                              .heard = heard,
                              .oldest_commit = builder_.oldest_commit()},
                             now);
}

void Capture::LogProgress(Clock::time_point now) {
  if (now - progress_logged_ < kProgressInterval) return;
  if (transactions_ > 0) {
    spdlog::info("archived up to {}: {} transactions and {} changes since the last such line",
                 feedback_.durable().ToString(), transactions_, changes_);
  }
  progress_logged_ = now;
  transactions_ = changes_ = 0;
}

}  // namespace trunkline
