#include "daemon/definition_asker.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "daemon/source.h"
#include "postgres/connection.h"

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::Mode;

constexpr std::chrono::milliseconds kFirstPause{250};
constexpr std::chrono::milliseconds kLongestPause{30'000};
// An ALTER TABLE elsewhere may hold its lock for hours; asking again costs little.
constexpr char kBounds[] = "SET lock_timeout = '2s'; SET statement_timeout = '30s'";

Result<Connection> OpenBounded(const std::string& conninfo) {
  ASSIGN_OR_RETURN(Connection connection,
                   Connection::Open(conninfo, Mode::kNormal, kApplicationName));
  TRY(connection.Exec(kBounds));
  return connection;
}

}  // namespace

DefinitionAsker::DefinitionAsker(Query query)
    : query_(std::move(query)), thread_([this](const std::stop_token& stop) { Run(stop); }) {}

DefinitionAsker::~DefinitionAsker() = default;

uint64_t DefinitionAsker::Ask() {
  uint64_t ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    ticket = ++asked_;
  }
  changed_.notify_all();
  return ticket;
}

void DefinitionAsker::Hurry() {
  {
    const std::lock_guard lock(mutex_);
    hurried_ = true;
  }
  changed_.notify_all();
}

std::optional<DefinitionAsker::Answer> DefinitionAsker::Take() {
  const std::lock_guard lock(mutex_);
  answered_.store(false, std::memory_order_release);
  return std::exchange(answer_, std::nullopt);
}

bool DefinitionAsker::idle() {
  const std::lock_guard lock(mutex_);
  return finished_ >= asked_;
}

void DefinitionAsker::Await(uint64_t ticket, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return finished_ >= ticket; });
}

void DefinitionAsker::Run(const std::stop_token& stop) {
  std::chrono::milliseconds pause = kFirstPause;
  std::unique_lock lock(mutex_);
  const auto wanted = [this] { return asked_ > finished_; };
  // The wait yields true for a request that is open when the stop comes.
  while (changed_.wait(lock, stop, wanted) && !stop.stop_requested()) {
    const uint64_t ticket = asked_;
    hurried_ = false;
    lock.unlock();
    const Clock::time_point begun = Clock::now();
    Result<DescribedTables> tables = query_(stop);
    const Clock::duration took = Clock::now() - begun;
    if (!tables && !stop.stop_requested()) {
      spdlog::warn(
          "cannot ask for the definition of the published tables: {}; trying again in {} "
          "ms",
          tables.error().ToString(), pause.count());
    }
    lock.lock();
    if (!tables) {
      const bool hurried = changed_.wait_for(lock, stop, pause, [this] { return hurried_; });
      pause = hurried ? kFirstPause : std::min(2 * pause, kLongestPause);
      continue;
    }
    pause = kFirstPause;
    finished_ = ticket;
    answer_ = Answer{.ticket = ticket, .tables = std::move(*tables), .took = took};
    answered_.store(true, std::memory_order_release);
    changed_.notify_all();
  }
}

DefinitionAsker::Query AskOverConnection(std::string conninfo, std::string publication) {
  return [conninfo = std::move(conninfo), publication = std::move(publication),
          kept = std::make_shared<std::optional<Connection>>()](
             const std::stop_token& stop) -> Result<DescribedTables> {
    // It may have broken unnoticed since it was used last.
    if (kept->has_value() && !(*kept)->Exec("SELECT 1")) kept->reset();
    if (!kept->has_value()) {
      ASSIGN_OR_RETURN(Connection connection, OpenBounded(conninfo));
      kept->emplace(std::move(connection));
    }
    const std::stop_callback interrupt(
        stop, [socket = PQsocket((*kept)->get())] { ::shutdown(socket, SHUT_RDWR); });
    return QueryDefinitionNow(&**kept, publication);
  };
}

}  // namespace trunkline
