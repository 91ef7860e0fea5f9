// Capture: the loop that turns a replication stream into segments of an archive.
//
// One thread reads and decodes, and fills a block while another one encodes the block before; a
// Publisher's thread appends. The loop waits for the socket, the publisher, a signal and its own
// deadlines, all in one poll(), and for the encoder where blocks fill faster than they are encoded.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "archive/appender.h"
#include "archive/segment_writer.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/definition_tracker.h"
#include "daemon/feedback.h"
#include "daemon/metrics.h"
#include "daemon/publisher.h"
#include "daemon/replication_stream.h"
#include "daemon/segment_builder.h"
#include "daemon/source.h"
#include "daemon/wakeup.h"
#include "daemon/watchdog.h"
#include "decoder/assembler.h"

namespace trunkline {

struct CaptureOptions {
  SegmentOptions segment;
  uint64_t segment_max_bytes = 0;
  std::chrono::milliseconds segment_max_age{0};
  std::chrono::milliseconds feedback_interval{0};
  std::chrono::milliseconds silence_patience{0};  // as SilencePatience says
  std::optional<Lsn> end_position;
  // An LSN that the archive is to reach soon, also where an empty segment must lead there. May be
  // null.
  std::function<Lsn()> wanted;
  Publisher::OnAppended on_appended;
  Metrics* metrics = nullptr;  // never null once it is used; not owned
};

class Capture {
 public:
  // `start` is where the stream began: the archive's end. Nothing is owned but the stream.
  Capture(const CaptureOptions& options, ReplicationStream stream, const Source& source, Lsn start,
          Appender* appender, ChangeStore* change_store, DefinitionTracker* definitions);

  // Runs until the end position or a requested stop is reached and all of it is archived, or until
  // something fails. What was not published then is redelivered by the source.
  Result<void> Run();

  // Run failed since the source answered no more.
  bool source_was_silent() const { return source_was_silent_; }
  // The archive holds everything up to here.
  Lsn durable() const { return feedback_.durable(); }

 private:
  using Clock = std::chrono::steady_clock;

  // Why no more is taken from the stream.
  enum class Ending { kNo, kStopRequested, kEndReached };

  Result<void> NotePublisher();
  void NoteStopRequest();
  Error NotArchived() const;
  // In the middle of a long transaction.
  Result<void> OnHeartbeat();
  bool may_read() const;
  Result<bool> ReadSome();
  Result<void> Handle(const StreamMessage& message);
  bool ShouldCut() const;
  bool IsWanted(Lsn end) const;
  void Cut();
  Result<void> SendStatusIfDue(Clock::time_point now);
  void WatchStore(Clock::time_point now);
  Result<void> WatchSource(Clock::time_point now);
  Result<void> Wait();
  Clock::time_point NextDeadline() const;
  void LogProgress(Clock::time_point now);
  void ReportTurn(Clock::time_point now, bool heard);
  bool finished() const;

  const CaptureOptions options_;
  ReplicationStream stream_;
  Wakeup wakeup_;
  Publisher publisher_;
  Feedback feedback_;
  Watchdog watchdog_;
  bool source_was_silent_ = false;
  SegmentBuilder builder_;
  DefinitionTracker* const definitions_;
  Assembler assembler_;

  Lsn submitted_;  // the end of the last segment handed to the publisher
  uint64_t received_bytes_ = 0;
  uint64_t turn_bytes_ = 0;  // received, and not reported yet
  // When the open segment got its first transaction; empty while it has none.
  std::optional<Clock::time_point> segment_since_;
  bool cut_requested_ = false;  // the source waits for confirmation: it shuts down
  Ending ending_ = Ending::kNo;
  Clock::time_point stop_deadline_;     // of the transaction half received
  Clock::time_point publish_deadline_;  // of everything

  // Of the time since the last progress line.
  Clock::time_point progress_logged_;
  uint64_t transactions_ = 0;
  uint64_t changes_ = 0;
};

}  // namespace trunkline
