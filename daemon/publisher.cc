#include "daemon/publisher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/fault.h"
#include "daemon/failure_policy.h"
#include "daemon/outage_log.h"

namespace trunkline {
namespace {

// Segments that wait for the store or are on their way into it, while one more is being filled.
constexpr size_t kMostSegments = 3;

}  // namespace

Publisher::Publisher(Appender* appender, const Source& source, Wakeup* wakeup, Metrics* metrics,
                     OnAppended on_appended)
    : appender_(appender),
      source_(source),
      wakeup_(wakeup),
      metrics_(metrics),
      on_appended_(std::move(on_appended)),
      durable_end_(appender->end()),
      thread_([this](std::stop_token stop) { Run(std::move(stop)); }) {}

Publisher::~Publisher() = default;

void Publisher::Submit(SegmentWriter writer, Lsn begin, Lsn end, uint64_t received_bytes) {
  CHECK(!full());
  const std::scoped_lock lock(mutex_);
  queue_.push_back({std::move(writer), begin, end, received_bytes});
  changed_.notify_all();
}

bool Publisher::full() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size() + under_way_ >= kMostSegments;
}

bool Publisher::idle() const {
  const std::scoped_lock lock(mutex_);
  return queue_.empty() && under_way_ == 0;
}

Lsn Publisher::durable_end() const {
  const std::scoped_lock lock(mutex_);
  return durable_end_;
}

std::optional<Publisher::Clock::time_point> Publisher::store_called() const {
  const std::scoped_lock lock(mutex_);
  return store_called_;
}

std::optional<Error> Publisher::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

void Publisher::Run(std::stop_token stop) {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
    std::vector<Job> jobs(std::make_move_iterator(queue_.begin()),
                          std::make_move_iterator(queue_.end()));
    queue_.clear();
    under_way_ = jobs.size();
    lock.unlock();
    Result<void> appended = Append(std::move(jobs), stop);
    lock.lock();
    under_way_ = 0;
    durable_end_ = appender_->end();
    if (!appended) failure_ = std::move(appended).error();
    const bool failed = failure_.has_value();
    lock.unlock();
    wakeup_->Signal();
    if (failed || stop.stop_requested()) return;
  }
}

Result<void> Publisher::Call(const std::function<Result<void>()>& call) {
  {
    const std::scoped_lock lock(mutex_);
    store_called_ = Clock::now();
    metrics_->StoreCalled(*store_called_);
  }
  Result<void> outcome = call();
  metrics_->StoreReturned(/*failed=*/!outcome);
  const std::scoped_lock lock(mutex_);
  store_called_.reset();
  return outcome;
}

Result<void> Publisher::Append(std::vector<Job> jobs, const std::stop_token& stop) {
  const Clock::time_point begun = Clock::now();
  for (Job& job : jobs) {
    FAULT("publisher.append");
    const auto bytes = static_cast<double>(job.writer.encoded_bytes());
    spdlog::debug(
        "segment {} to {}: {} transactions, {} changes, about {} bytes, {:.1f} times less",
        job.begin.ToString(), job.end.ToString(), job.writer.transactions(), job.writer.changes(),
        bytes, static_cast<double>(job.received_bytes) / std::max(1.0, bytes));
    TRY(appender_->AddSegment(std::move(job.writer), job.end, source_.timeline,
                              source_.server_version));
  }
  Result<void> appended = Call([this] { return appender_->PublishPending(); });
  if (!appended) TRY(Retry(jobs.back().end, std::move(appended).error(), stop));
  FAULT("publisher.appended");
  metrics_->NoteAppended(appender_->last_appended(), Clock::now() - begun);
  metrics_->NoteDurable(appender_->end());
  if (!on_appended_) return {};
  for (const Job& job : jobs) on_appended_(job.begin, job.end);
  return {};
}

Result<void> Publisher::Retry(Lsn end, Error error, const std::stop_token& stop) {
  OutageLog outage("the archive does not take the segment up to " + end.ToString());
  Backoff backoff(end.value);
  while (appender_->has_pending() && MayRecover(error)) {
    outage.Failed(error);
    metrics_->NoteError(ErrorArea::kArchive, error.kind);
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, backoff.Next(), [] { return false; });
    }
    if (stop.stop_requested()) break;
    Result<void> appended = Call([this] { return appender_->PublishPending(); });
    if (appended) {
      outage.Succeeded();
      return {};
    }
    error = std::move(appended).error();
  }
  return Fail(std::move(error));
}

}  // namespace trunkline
