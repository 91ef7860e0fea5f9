#include "tests/crash/disturbances.h"

#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "tests/support/files.h"
#include "tests/support/must.h"
#include "tests/support/program.h"

namespace trunkline::crash {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::Session;

constexpr int kAttempts = 20;
constexpr std::chrono::seconds kStandbyPatience{20};

// The reader may be back before the slot is ours.
bool HasSlot(Session* session) {
  return session->One(
             "SELECT count(*) FROM pg_catalog.pg_replication_slots "
             "WHERE slot_name = 'trunkline'") == "1";
}

std::optional<Lsn> TakeSlot(const std::string& conninfo, const std::string& command) {
  Session session(conninfo);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (!HasSlot(&session)) return std::nullopt;
    session.Do(
        "SELECT pg_catalog.pg_terminate_backend(active_pid, 5000) "
        "FROM pg_catalog.pg_replication_slots "
        "WHERE slot_name = 'trunkline' AND active_pid IS NOT NULL");
    if (session.Try(command)) return session.CurrentLsn();
  }
  return std::nullopt;
}

// Where the shutdown checkpoint of a stopped server begins: its last record.
Lsn ShutdownOf(const test::Source& stopped) {
  constexpr std::string_view kName = "Latest checkpoint location:";
  const test::Outcome control =
      test::RunProgram({stopped.tool("pg_controldata"), stopped.data()}, std::chrono::seconds(60));
  const size_t at = control.out.find(kName);
  if (at == std::string::npos) throw std::runtime_error("pg_controldata: " + control.err);
  std::istringstream rest(control.out.substr(at + kName.size()));
  std::string lsn;
  rest >> lsn;
  return Must(Lsn::Parse(lsn));
}

bool Follows(const test::Source& source, const test::Source& standby) {
  const bool streams = test::Eventually(kStandbyPatience, [&] {
    return source.Connect().One(
               "SELECT count(*) FROM pg_catalog.pg_stat_replication "
               "WHERE state = 'streaming' AND application_name = 'walreceiver'") == "1";
  });
  return streams && standby.Connect().One("SELECT pg_catalog.pg_is_in_recovery()") == "t";
}

bool HasAllOf(const test::Source& stopped, const test::Source& standby) {
  const std::string end = postgres::QuoteLiteral(ShutdownOf(stopped).ToString());
  return test::Eventually(kStandbyPatience, [&] {
    return standby.Connect().One("SELECT pg_catalog.pg_last_wal_replay_lsn() > " + end) == "t";
  });
}

}  // namespace

Failover FailOver(test::Source* source, int tcp_port, const Meanwhile& meanwhile) {
  std::unique_ptr<test::Source> standby = test::MakeStandby(source, tcp_port);
  if (!Follows(*source, *standby)) return {};
  meanwhile();
  Must(source->server().Stop(/*immediate=*/false));
  if (!HasAllOf(*source, *standby)) {
    Must(source->server().Restart({}));
    return {};
  }
  Session session = standby->Connect();
  const bool has_slot = HasSlot(&session);
  session.Do("SELECT pg_catalog.pg_promote()");
  Failover failover{.standby = std::move(standby), .lost_up_to = {}};
  if (!has_slot) failover.lost_up_to = session.CurrentLsn();
  return failover;
}

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
  // To where a record ends: what is flushed may end inside of one.
  return TakeSlot(conninfo,
                  "SELECT pg_catalog.pg_replication_slot_advance('trunkline', "
                  "pg_catalog.pg_switch_wal())");
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
