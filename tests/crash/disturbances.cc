#include "tests/crash/disturbances.h"

#include <filesystem>

#include "tests/support/files.h"
#include "tests/support/must.h"

namespace trunkline::crash {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::Session;

constexpr int kAttempts = 20;

// The reader may be back before the slot is ours.
std::optional<Lsn> TakeSlot(const std::string& conninfo, const std::string& command) {
  Session session(conninfo);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (session.One("SELECT count(*) FROM pg_catalog.pg_replication_slots "
                    "WHERE slot_name = 'trunkline'") == "0") {
      return std::nullopt;
    }
    session.Do(
        "SELECT pg_catalog.pg_terminate_backend(active_pid, 5000) "
        "FROM pg_catalog.pg_replication_slots "
        "WHERE slot_name = 'trunkline' AND active_pid IS NOT NULL");
    if (session.Try(command)) return session.CurrentLsn();
  }
  return std::nullopt;
}

}  // namespace

void CrashSource(test::Source* source, const Meanwhile& meanwhile) {
  Must(source->server().Stop(/*immediate=*/true));
  meanwhile();
  Must(source->server().Restart({}));
}

void TerminateSender(const std::string& conninfo) {
  Session(conninfo).Do(
      "SELECT pg_catalog.pg_terminate_backend(active_pid) "
      "FROM pg_catalog.pg_replication_slots WHERE active_pid IS NOT NULL");
}

void BlackHole(test::Proxy* proxy, const Meanwhile& meanwhile) {
  proxy->BlackHole(true);
  meanwhile();
  proxy->BlackHole(false);
}

void SlowDown(test::Proxy* proxy, std::chrono::milliseconds delay, const Meanwhile& meanwhile) {
  proxy->Delay(delay);
  meanwhile();
  proxy->Delay(std::chrono::milliseconds(0));
}

std::optional<Lsn> DropSlot(const std::string& conninfo) {
  return TakeSlot(conninfo, "SELECT pg_catalog.pg_drop_replication_slot('trunkline')");
}

std::optional<Lsn> MoveSlotOn(const std::string& conninfo) {
  return TakeSlot(conninfo,
                  "SELECT pg_catalog.pg_replication_slot_advance('trunkline', "
                  "pg_catalog.pg_current_wal_flush_lsn())");
}

Findings TakeArchiveAway(const std::string& disk, const std::string& archive,
                         const std::string& spool, const Meanwhile& meanwhile) {
  if (!fs::exists(spool + "/identity") || !fs::exists(archive + "/identity")) return {};
  const std::string away = disk + ".away";
  fs::rename(disk, away);
  fs::create_directories(archive);
  meanwhile();
  Findings findings;
  for (const std::string& name : test::FilesBelow(archive)) {
    findings.push_back("written while the archive was away: " + name);
  }
  fs::remove_all(disk);
  fs::rename(away, disk);
  return findings;
}

}  // namespace trunkline::crash
