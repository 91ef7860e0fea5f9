// How long after its COMMIT has returned a transaction is durable in the archive, under a steady
// load; against pg_recvlogical writing the same messages to a file that it syncs every second,
// which is as often as it can.
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unordered_map>

#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/support/archived.h"
#include "tests/support/must.h"
#include "tests/support/source.h"
#include "tests/support/trunkline.h"

namespace trunkline::bench {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the support library's words
using Clock = std::chrono::steady_clock;

constexpr int kWriters = 16;  // so that some may wait for the disk
constexpr int kPerSecond = 1000;
constexpr char kMaxAge[] = "100ms";

// When each position had become durable.
class Milestones {
 public:
  void Reached(Lsn lsn) {
    const Clock::time_point now = Clock::now();
    const std::scoped_lock lock(mutex_);
    if (times_.empty() || times_.rbegin()->first < lsn) times_.emplace(lsn, now);
  }
  // When everything up to `lsn` was.
  Clock::time_point At(Lsn lsn) const {
    const auto reached = times_.lower_bound(lsn);
    if (reached == times_.end()) throw std::runtime_error("a transaction never became durable");
    return reached->second;
  }
  Lsn newest() const {
    const std::scoped_lock lock(mutex_);
    return times_.empty() ? Lsn{} : times_.rbegin()->first;
  }

 private:
  mutable std::mutex mutex_;
  std::map<Lsn, Clock::time_point> times_;
};

// Sees segments appear under their final names.
class ArchiveWatch {
 public:
  ArchiveWatch(const std::string& archive, Milestones* milestones)
      : inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)), milestones_(milestones) {
    const std::string folder = archive + "/changes";
    std::filesystem::create_directories(folder);
    if (inotify_ < 0 ||
        ::inotify_add_watch(inotify_, folder.c_str(), IN_MOVED_TO | IN_CREATE) < 0) {
      throw std::runtime_error("cannot watch " + folder);
    }
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) Take();
    });
  }
  ~ArchiveWatch() {
    thread_.request_stop();
    thread_.join();
    ::close(inotify_);
  }
  ArchiveWatch(const ArchiveWatch&) = delete;
  ArchiveWatch& operator=(const ArchiveWatch&) = delete;

 private:
  void Take() {
    pollfd event{.fd = inotify_, .events = POLLIN, .revents = 0};
    if (::poll(&event, 1, 50) <= 0) return;
    alignas(inotify_event) char buffer[1 << 16];
    const ssize_t length = ::read(inotify_, buffer, sizeof(buffer));
    for (ssize_t at = 0; at < length;) {
      const auto* seen = reinterpret_cast<const inotify_event*>(buffer + at);
      const std::string name = seen->name;
      if (name.size() == 37 && name.ends_with(".seg")) {
        milestones_->Reached(Must(Lsn::FromHex16(name.substr(17, 16))));
      }
      at += static_cast<ssize_t>(sizeof(inotify_event) + seen->len);
    }
  }

  int inotify_;
  Milestones* const milestones_;
  std::jthread thread_;
};

// Asks the source every few milliseconds what a receiver has said to be on its disk.
class FlushWatch {
 public:
  FlushWatch(const Source& source, std::string slot, Milestones* milestones)
      : thread_([session = source.Connect(), slot = std::move(slot),
                 milestones](const std::stop_token& stop) mutable {
          while (!stop.stop_requested()) {
            const auto rows = session.Table(
                "SELECT flush_lsn FROM pg_catalog.pg_stat_replication r "
                "JOIN pg_catalog.pg_replication_slots s ON s.active_pid = r.pid "
                "WHERE slot_name = '" +
                slot + "' AND flush_lsn IS NOT NULL");
            if (!rows.empty()) milestones->Reached(Must(Lsn::Parse(rows[0][0])));
            std::this_thread::sleep_for(milliseconds(5));
          }
        }) {}

 private:
  std::jthread thread_;
};

// When each transaction's COMMIT had returned.
using Commits = std::unordered_map<uint32_t, Clock::time_point>;

class Load {
 public:
  // Writers that together commit kPerSecond transactions a second.
  Load(const Source& source, seconds length) {
    std::vector<std::jthread> writers;
    begun_ = Clock::now();
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&, i] { Write(source.Connect(), i, length); });
    }
    writers.clear();
    seconds_ = std::chrono::duration<double>(Clock::now() - begun_).count();
  }

  const Commits& commits() const { return commits_; }
  double per_second() const { return static_cast<double>(commits_.size()) / seconds_; }

 private:
  void Write(Session session, int writer, seconds length) {
    constexpr std::chrono::microseconds kPeriod{1'000'000 * kWriters / kPerSecond};
    session.Do(
        "PREPARE place AS INSERT INTO public.orders (customer_id, units, created_at) "
        "VALUES ($1, $2, clock_timestamp()) RETURNING pg_catalog.pg_current_xact_id()::xid");
    std::vector<std::pair<uint32_t, Clock::time_point>> committed;
    auto due = begun_ + writer * kPeriod / kWriters;
    for (; due < begun_ + length; due += kPeriod) {
      std::this_thread::sleep_until(due);
      const std::string xid = session.One("EXECUTE place(" + std::to_string(1 + writer) + ", 7)");
      committed.emplace_back(static_cast<uint32_t>(std::stoul(xid)), Clock::now());
    }
    const std::scoped_lock lock(mutex_);
    commits_.insert(committed.begin(), committed.end());
  }

  Clock::time_point begun_;
  double seconds_ = 0;
  std::mutex mutex_;
  Commits commits_;
};

void Print(const std::string& name, const Load& load, const Milestones& milestones,
           const std::unordered_map<uint32_t, Lsn>& ends) {
  std::vector<double> delays;
  for (const auto& [xid, returned] : load.commits()) {
    const Clock::duration delay = milestones.At(ends.at(xid)) - returned;
    delays.push_back(std::chrono::duration<double, std::milli>(delay).count());
  }
  std::sort(delays.begin(), delays.end());
  const auto at = [&](double share) {
    return delays[static_cast<size_t>(share * static_cast<double>(delays.size() - 1))];
  };
  std::printf("%s: %zu transactions, %.0f a second: p50 %.0f ms, p99 %.0f ms, max %.0f ms\n",
              name.c_str(), delays.size(), load.per_second(), at(0.5), at(0.99), at(1));
  std::fflush(stdout);
}

class LatencyBench {
 public:
  LatencyBench() {
    source_.Connect().Do(
        "CREATE TABLE public.orders (id bigserial PRIMARY KEY, customer_id integer NOT NULL, "
        "units integer NOT NULL, created_at timestamptz NOT NULL); "
        "CREATE PUBLICATION trunkline FOR TABLE public.orders");
    source_.Connect().Do(
        "SELECT pg_catalog.pg_create_logical_replication_slot('twin', 'pgoutput')");
  }

  void Run() {
    const seconds length(std::max<int64_t>(2, static_cast<int64_t>(20 * Scale())));
    Daemon daemon({.source = source_.conninfo(),
                   .archive = folder_ / "archive",
                   .arguments = {"--segment-max-age", kMaxAge}});
    Milestones archived;
    daemon.Start();
    daemon.AwaitSnapshot();
    std::optional<Load> ours;
    {
      const ArchiveWatch watch(daemon.archive(), &archived);
      ours.emplace(source_, length);
      AwaitMilestone(archived);
    }
    daemon.Stop();

    Milestones flushed;
    std::optional<Load> theirs;
    {
      Program receiver(Receiver());
      const FlushWatch watch(source_, "twin", &flushed);
      Load(source_, seconds(2));  // until it has caught up
      AwaitMilestone(flushed);
      theirs.emplace(source_, length);
      AwaitMilestone(flushed);
      receiver.Signal(SIGTERM);
      receiver.Wait(seconds(10));
    }
    // The archive tells where each one's commit record ends.
    const Outcome rest = daemon.RunTo("now");
    if (rest.exit_code != 0) throw std::runtime_error(rest.err);
    std::unordered_map<uint32_t, Lsn> ends;
    for (const TransactionInfo& transaction : ArchivedTransactions(daemon.archive())) {
      ends.emplace(transaction.xid.value, transaction.end_lsn);
    }
    Print(std::string("trunkline --segment-max-age ") + kMaxAge, *ours, archived, ends);
    Print("pg_recvlogical --fsync-interval 1", *theirs, flushed, ends);
  }

 private:
  void AwaitMilestone(const Milestones& milestones) {
    const Lsn lsn = source_.Connect().CurrentLsn();
    if (!Eventually(seconds(30), [&] {
          // Something has to come after it for a segment to end past it.
          if (milestones.newest() < lsn) {
            source_.Connect().Do("INSERT INTO public.orders VALUES (DEFAULT, 0, 0, now())");
            std::this_thread::sleep_for(milliseconds(100));
          }
          return milestones.newest() >= lsn;
        })) {
      throw std::runtime_error("the load did not become durable");
    }
  }
  std::vector<std::string> Receiver() {
    std::vector<std::string> command = {source_.tool("pg_recvlogical"),
                                        "--start",
                                        "--no-loop",
                                        "--slot",
                                        "twin",
                                        "--dbname",
                                        source_.conninfo(),
                                        "--fsync-interval",
                                        "1",
                                        "--status-interval",
                                        "1",
                                        "--file",
                                        folder_ / "stream"};
    for (const char* option :
         {"proto_version=2", "publication_names=trunkline", "streaming=true"}) {
      command.insert(command.end(), {"--option", option});
    }
    return command;
  }

  Source source_{{.settings = {"fsync = on"}}};
  TempFolder folder_;
};

}  // namespace

void LatencyBenchmark() {
  PrintHeading("time from COMMIT to durable");
  LatencyBench().Run();
}

}  // namespace trunkline::bench
