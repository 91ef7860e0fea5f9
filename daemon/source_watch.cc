#include "daemon/source_watch.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <charconv>
#include <utility>

#include "daemon/source.h"

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::Mode;
using postgres::Rows;

constexpr std::chrono::seconds kLookInterval{10};
constexpr char kLookBounds[] = "SET lock_timeout = '2s'; SET statement_timeout = '10s'";

std::optional<int64_t> Integer(const Rows& rows, int column) {
  if (rows.is_null(0, column)) return std::nullopt;
  int64_t value = 0;
  const std::string_view text = rows.at(0, column);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

spdlog::level::level_enum LevelOf(const Alarm& alarm) {
  switch (alarm.level) {
    case Alarm::Level::kOver:
      return spdlog::level::info;
    case Alarm::Level::kWarning:
      return spdlog::level::warn;
    case Alarm::Level::kGrave:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

Result<std::optional<SlotReading>> ReadSlot(Connection* connection, const std::string& slot) {
  const std::string parameters[] = {slot};
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection->Exec(
          "SELECT coalesce(s.wal_status, ''), coalesce(s.confirmed_flush_lsn, '0/0'), at.lsn,"
          " pg_catalog.pg_wal_lsn_diff(at.lsn, coalesce(s.restart_lsn, at.lsn))::bigint,"
          " s.safe_wal_size,"
          " (SELECT nullif(g.setting::bigint, -1) * 1024 * 1024 FROM pg_catalog.pg_settings g"
          "   WHERE g.name = 'max_slot_wal_keep_size')"
          " FROM pg_catalog.pg_replication_slots s,"
          "  (SELECT CASE WHEN pg_catalog.pg_is_in_recovery()"
          "    THEN pg_catalog.pg_last_wal_replay_lsn()"
          "    ELSE pg_catalog.pg_current_wal_lsn() END AS lsn) at"
          " WHERE s.slot_name = $1 AND at.lsn IS NOT NULL",
          parameters));
  if (rows.size() != 1) return std::optional<SlotReading>();
  ASSIGN_OR_RETURN(const Lsn confirmed, Lsn::Parse(rows.at(0, 1)));
  ASSIGN_OR_RETURN(const Lsn written, Lsn::Parse(rows.at(0, 2)));
  const int64_t kept = Integer(rows, 3).value_or(0);
  return std::optional<SlotReading>(
      SlotReading{.wal_status = std::string(rows.at(0, 0)),
                  .confirmed = confirmed,
                  .written = written,
                  .kept_bytes = kept > 0 ? static_cast<uint64_t>(kept) : 0,
                  .safe_bytes = Integer(rows, 4),
                  .limit_bytes = Integer(rows, 5)});
}

SourceWatch::SourceWatch(SourceWatchOptions options)
    : options_(std::move(options)),
      slot_alarm_(options_.patience),
      publication_alarm_(options_.publication),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

SourceWatch::~SourceWatch() = default;

void SourceWatch::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (const Result<void> looked = Look(stop); !looked) {
      spdlog::debug("cannot look at slot and publication: {}", looked.error().ToString());
      connection_.reset();
    }
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, stop, kLookInterval, [] { return false; });
  }
}

Result<void> SourceWatch::Look(const std::stop_token& stop) {
  if (!connection_.has_value()) {
    ASSIGN_OR_RETURN(Connection connection,
                     Connection::Open(options_.conninfo, Mode::kNormal, kApplicationName));
    TRY(connection.Exec(kLookBounds));
    connection_.emplace(std::move(connection));
  }
  const std::stop_callback interrupt(
      stop, [socket = PQsocket(connection_->get())] { ::shutdown(socket, SHUT_RDWR); });
  ASSIGN_OR_RETURN(const std::optional<SlotReading> slot, ReadSlot(&*connection_, options_.slot));
  if (slot.has_value()) {
    if (options_.metrics != nullptr) {
      options_.metrics->NoteSlot(slot->written, slot->kept_bytes, slot->safe_bytes);
    }
    const std::optional<Alarm> alarm = slot_alarm_.Judge(*slot, SlotAlarm::Clock::now());
    if (alarm.has_value()) spdlog::log(LevelOf(*alarm), "{}", alarm->text);
  }
  ASSIGN_OR_RETURN(
      const PublicationReading publication,
      ReadPublication(&*connection_, options_.publication, publication_alarm_.tables()));
  for (const std::string& text : publication_alarm_.Judge(publication)) spdlog::warn("{}", text);
  return {};
}

}  // namespace trunkline
