#include "daemon/check.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "archive/identity.h"
#include "archive/store.h"
#include "daemon/ddl_capture.h"
#include "daemon/failure_policy.h"
#include "daemon/publication.h"
#include "daemon/slot.h"
#include "daemon/source.h"
#include "postgres/connection.h"

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::Mode;
using postgres::QuoteIdentifier;
using postgres::Rows;

constexpr size_t kNamesShown = 10;

int64_t ToInteger(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

class Checker {
 public:
  explicit Checker(const Options& options) : options_(options) {}

  CheckReport Run() {
    if (!Connect()) return std::move(report_);
    CheckVersion();
    CheckWalLevel();
    CheckRole();
    CheckReplicationConnection();
    CheckOutputPlugins();
    CheckSlotItself();
    CheckFreeSlots();
    CheckFreeSenders();
    CheckTimeouts();
    CheckRetention();
    CheckPublication();
    CheckDdlCapture();
    CheckArchive();
    return std::move(report_);
  }

 private:
  void Ok(std::string what, std::string found) {
    report_.items.push_back({CheckStatus::kOk, std::move(what), std::move(found), {}});
  }
  void Warn(std::string what, std::string found, std::string remedy) {
    report_.items.push_back(
        {CheckStatus::kWarning, std::move(what), std::move(found), std::move(remedy)});
  }
  void FailItem(std::string what, std::string found, std::string remedy) {
    report_.items.push_back(
        {CheckStatus::kFailure, std::move(what), std::move(found), std::move(remedy)});
  }
  void FailItem(std::string what, Error error) {
    const Error advised = WithAdvice(std::move(error));
    FailItem(std::move(what), advised.message, advised.hint);
  }

  // The one value of a query; empty, and an item in the report, where it fails.
  std::string Ask(const std::string& sql) {
    const Result<Rows> rows = connection_->Exec(sql);
    if (!rows) {
      FailItem("query", rows.error());
      return {};
    }
    return rows->size() == 0 ? std::string() : std::string(rows->at(0, 0));
  }
  // Of a GUC; empty where the server does not have it.
  std::string Setting(const std::string& name) {
    return Ask("SELECT coalesce(pg_catalog.current_setting(" + postgres::QuoteLiteral(name) +
               ", true), '')");
  }
  int64_t SettingUnits(const std::string& name) {
    return ToInteger(Ask("SELECT setting FROM pg_catalog.pg_settings WHERE name = " +
                         postgres::QuoteLiteral(name)));
  }

  bool Connect() {
    Result<Connection> connection =
        Connection::Open(options_.source, Mode::kNormal, kApplicationName);
    if (!connection) {
      FailItem("connection", connection.error());
      return false;
    }
    connection_ = std::move(*connection);
    Ok("connection", "to the database " + std::string(PQdb(connection_->get())) + " as " +
                         std::string(PQuser(connection_->get())));
    return true;
  }

  void CheckVersion() {
    const int version = connection_->server_version();
    const std::string found =
        std::to_string(version / 10000) + "." + std::to_string(version % 10000);
    if (version >= kOldestServerVersion) return Ok("server version", found);
    FailItem("server version", found, "upgrade the server to Postgres 14 or later");
  }

  void CheckWalLevel() {
    const std::string level = Setting("wal_level");
    if (level == "logical") return Ok("wal_level", level);
    FailItem("wal_level", level, "ALTER SYSTEM SET wal_level = logical; then restart the server");
  }

  void CheckRole() {
    const Result<Rows> rows = connection_->Exec(
        "SELECT rolsuper, rolreplication, pg_catalog.quote_ident(rolname)"
        " FROM pg_catalog.pg_roles WHERE rolname = current_user");
    if (!rows) return FailItem("role", rows.error());
    superuser_ = rows->at(0, 0) == "t";
    role_ = rows->at(0, 2);
    if (superuser_) return Ok("role", role_ + " is a superuser");
    if (rows->at(0, 1) == "t") return Ok("role", role_ + " has REPLICATION");
    FailItem("role", role_ + " may not replicate", "ALTER ROLE " + role_ + " REPLICATION");
  }

  void CheckReplicationConnection() {
    const Result<Connection> replication =
        Connection::Open(options_.source, Mode::kReplication, kApplicationName);
    if (replication) return Ok("replication connection", "accepted");
    FailItem("replication connection", replication.error());
  }

  void CheckOutputPlugins() {
    const Result<Rows> rows =
        connection_->Exec("SELECT pg_catalog.current_setting('output_plugin_libraries', true)");
    if (!rows) return CheckOutputPluginByUse();
    if (rows->is_null(0, 0)) return;  // a server without the setting
    const std::string allowed(rows->at(0, 0));
    // A list of names, "$libdir/pgoutput" among the ways to write one.
    if (allowed.find("pgoutput") != std::string::npos || allowed == "*") {
      return Ok("output_plugin_libraries", allowed);
    }
    FailItem("output_plugin_libraries", allowed,
             "ALTER SYSTEM SET output_plugin_libraries = pgoutput, test_decoding; then SELECT "
             "pg_reload_conf()");
  }

  // The setting is shown to superusers and monitors only. A temporary slot tells as well: the
  // plugin is looked at before anything is waited for.
  void CheckOutputPluginByUse() {
    const std::string what = "output_plugin_libraries";
    Result<Connection> replication =
        Connection::Open(options_.source, Mode::kReplication, kApplicationName);
    if (!replication || !replication->Exec("SET lock_timeout = '1s'")) return;  // reported above
    const Result<ExportedSnapshot> slot =
        CreateTemporarySlot(&*replication, "trunkline_check_" + std::to_string(::getpid()));
    if (!slot && slot.error().message.find("output plugin") != std::string::npos) {
      return FailItem(what, slot.error());
    }
    Ok(what, "allows pgoutput");
  }

  void CheckSlotItself() {
    const Result<std::optional<SlotInfo>> slot = FindSlot(&*connection_, options_.slot);
    if (!slot) return FailItem("slot", slot.error());
    slot_exists_ = slot->has_value();
    if (!slot_exists_) return Ok("slot", options_.slot + " will be created");
    const std::string database = PQdb(connection_->get());
    const Result<void> usable = CheckSlotKind(options_.slot, **slot, database);
    if (!usable) return FailItem("slot", usable.error());
    const std::string found = options_.slot + " confirmed up to " +
                              (*slot)->confirmed_flush.ToString() + ", WAL " + (*slot)->wal_status;
    if ((*slot)->lost()) {
      return FailItem("slot", found,
                      "the daemon records a gap and makes the slot anew; raise "
                      "max_slot_wal_keep_size so that it does not come to that");
    }
    if ((*slot)->active()) {
      return Warn("slot", found + ", in use", "another daemon has it; this one would wait");
    }
    if ((*slot)->wal_status == "unreserved") {
      return Warn("slot", found, "start the daemon now, or raise max_slot_wal_keep_size");
    }
    Ok("slot", found);
  }

  // The permanent slot, and a temporary one while a base snapshot is taken.
  void CheckFreeSlots() {
    const int64_t needed = slot_exists_ ? 1 : 2;
    const int64_t limit = SettingUnits("max_replication_slots");
    const int64_t used = ToInteger(Ask("SELECT count(*) FROM pg_catalog.pg_replication_slots"));
    const std::string found = std::to_string(limit - used) + " of " + std::to_string(limit) +
                              " free, " + std::to_string(needed) + " needed";
    if (limit - used >= needed) return Ok("replication slots", found);
    FailItem("replication slots", found,
             "ALTER SYSTEM SET max_replication_slots = " + std::to_string(used + needed) +
                 "; then restart the server");
  }

  void CheckFreeSenders() {
    constexpr int64_t kNeeded = 2;
    const int64_t limit = SettingUnits("max_wal_senders");
    const int64_t used = ToInteger(Ask("SELECT count(*) FROM pg_catalog.pg_stat_replication"));
    const std::string found = std::to_string(limit - used) + " of " + std::to_string(limit) +
                              " free, " + std::to_string(kNeeded) + " needed";
    if (limit - used >= kNeeded) return Ok("WAL senders", found);
    FailItem("WAL senders", found,
             "ALTER SYSTEM SET max_wal_senders = " + std::to_string(used + kNeeded) +
                 "; then restart the server");
  }

  void CheckTimeouts() {
    const int64_t millis = SettingUnits("wal_sender_timeout");
    const std::string found = Setting("wal_sender_timeout");
    if (millis == 0) {
      return Warn("wal_sender_timeout", "off: a dead connection holds the slot",
                  "ALTER SYSTEM SET wal_sender_timeout = '60s'; then SELECT pg_reload_conf()");
    }
    if (millis < 5000) {
      return Warn("wal_sender_timeout", found + " is short",
                  "ALTER SYSTEM SET wal_sender_timeout = '60s'; then SELECT pg_reload_conf()");
    }
    Ok("wal_sender_timeout", found);
  }

  void CheckRetention() {
    // Postgres 18 on.
    const std::string idle = Setting("idle_replication_slot_timeout");
    if (SettingUnits("idle_replication_slot_timeout") > 0) {
      Warn("idle_replication_slot_timeout", "a daemon away for " + idle + " loses its slot",
           "ALTER SYSTEM SET idle_replication_slot_timeout = 0; then SELECT pg_reload_conf()");
    }
    const std::string found = Setting("max_slot_wal_keep_size");
    if (found != "-1") return Ok("max_slot_wal_keep_size", found);
    Warn("max_slot_wal_keep_size", "no limit: WAL fills the disk while the daemon is away for long",
         "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB' (a slot past it is lost); then SELECT "
         "pg_reload_conf()");
  }

  void CheckPublication() {
    const Result<PublicationInfo> info = FindPublication(&*connection_, options_.publication);
    if (!info) return FailItem("publication", info.error());
    const Result<std::vector<TableName>> wanted = ResolveTables(&*connection_, options_.tables);
    if (!wanted) return FailItem("tables", wanted.error());
    if (!info->exists) return CheckMayCreatePublication(*wanted);
    CheckPublishedOperations(*info);
    const Result<std::vector<PublishedTable>> tables =
        PublishedTables(&*connection_, options_.publication);
    if (!tables) return FailItem("publication", tables.error());
    CheckMembership(*wanted);
    CheckReadable(*tables);
    CheckIdentities(*tables);
  }

  void CheckMayCreatePublication(const std::vector<TableName>& tables) {
    const std::string command = CreatePublicationCommand(options_.publication, tables);
    if (!options_.create_publication) {
      return FailItem("publication", QuoteIdentifier(options_.publication) + " does not exist",
                      command + "; or start with --create-publication");
    }
    const bool may_create = Ask("SELECT pg_catalog.has_database_privilege("
                                "pg_catalog.current_database(), 'CREATE')") == "t";
    if (superuser_ || (may_create && !tables.empty())) {
      return Ok("publication", options_.publication + " will be created");
    }
    FailItem("publication", role_ + " may not create " + QuoteIdentifier(options_.publication),
             "as a superuser: " + command);
  }

  void CheckPublishedOperations(const PublicationInfo& info) {
    std::string missing;
    const auto note = [&](bool published, const char* operation) {
      if (!published) missing += (missing.empty() ? "" : ", ") + std::string(operation);
    };
    note(info.publishes_insert, "insert");
    note(info.publishes_update, "update");
    note(info.publishes_delete, "delete");
    note(info.publishes_truncate, "truncate");
    if (missing.empty()) {
      return Ok("publication", options_.publication + " publishes every operation" +
                                   (info.all_tables ? " of all tables" : ""));
    }
    Warn("publication", "leaves out " + missing + ": rebuilt states would differ from the source",
         "ALTER PUBLICATION " + QuoteIdentifier(options_.publication) +
             " SET (publish = 'insert, update, delete, truncate')");
  }

  void CheckMembership(const std::vector<TableName>& wanted) {
    for (const TableName& table : wanted) {
      const Result<bool> published = IsPublished(&*connection_, options_.publication, table);
      if (!published) return FailItem("tables", published.error());
      if (*published) continue;
      FailItem("tables", QualifiedIdentifier(table) + " is not published",
               AddTableCommand(options_.publication, table));
    }
  }

  void CheckReadable(const std::vector<PublishedTable>& tables) {
    size_t unreadable = 0;
    for (const PublishedTable& table : tables) {
      if (table.selectable || ++unreadable > kNamesShown) continue;
      FailItem("tables", role_ + " may not read " + QualifiedIdentifier(table.name),
               GrantCommand(table.name, role_));
    }
    for (const PublishedTable& table : tables) {
      if (!table.row_security) continue;
      FailItem("tables", "row security hides rows of " + QualifiedIdentifier(table.name),
               "ALTER ROLE " + role_ + " BYPASSRLS");
    }
    if (tables.empty()) {
      return Warn("tables", "the publication holds none",
                  "ALTER PUBLICATION " + QuoteIdentifier(options_.publication) + " ADD TABLE ...");
    }
    if (unreadable == 0) Ok("tables", std::to_string(tables.size()) + " published, all readable");
  }

  void CheckIdentities(const std::vector<PublishedTable>& tables) {
    size_t warnings = 0;
    for (const PublishedTable& table : tables) {
      if (table.has_key) continue;
      if (++warnings > kNamesShown) continue;
      const std::string name = QualifiedIdentifier(table.name);
      Warn("replica identity",
           name + (table.replica_identity == 'n' ? " has none" : " has no usable key") +
               ": Postgres refuses its UPDATE and DELETE while it is published",
           "ALTER TABLE " + name + " REPLICA IDENTITY FULL; or add a primary key");
    }
    if (warnings > kNamesShown) {
      Warn("replica identity", std::to_string(warnings - kNamesShown) + " more such tables", {});
    }
    if (warnings == 0) Ok("replica identity", "every table has one");
  }

  // Wanted, not needed: docs/operating.md, "What the stream does not tell".
  void CheckDdlCapture() {
    const Result<bool> captures = CapturesDdl(&*connection_, options_.publication);
    if (!captures) return FailItem("DDL capture", captures.error());
    if (*captures) return Ok("DDL capture", "installed for " + options_.publication);
    Warn("DDL capture",
         "not installed: some changes of definition show some transactions late in a rebuild",
         "as a superuser: " + InstallDdlCaptureCommand(options_.publication));
  }

  void CheckArchive() {
    const Result<std::unique_ptr<Store>> store = OpenStore(options_.archive);
    if (!store) return FailItem("archive", store.error());
    const std::string url = (*store)->url();
    const Result<Identity> identity = ReadIdentity(**store);
    if (!identity && identity.error().kind == ErrorKind::kNotFound) {
      return Ok("archive", url + " will be created");
    }
    if (!identity) return FailItem("archive", identity.error());
    Result<Connection> replication =
        Connection::Open(options_.source, Mode::kReplication, kApplicationName);
    if (!replication) return;  // reported above
    const Result<Source> source = IdentifySource(&*replication);
    if (!source) return FailItem("archive", source.error());
    const Result<void> same =
        CheckSameSource(*identity, {.system_identifier = source->system_identifier,
                                    .database = source->database,
                                    .publication = options_.publication,
                                    .slot = options_.slot});
    if (!same) return FailItem("archive", same.error());
    Ok("archive", url + " is of this source");
  }

  const Options& options_;
  CheckReport report_;
  std::optional<Connection> connection_;
  bool superuser_ = false;
  std::string role_;  // quoted where needed
  bool slot_exists_ = false;
};

std::string_view Word(CheckStatus status) {
  switch (status) {
    case CheckStatus::kOk:
      return "ok  ";
    case CheckStatus::kWarning:
      return "warn";
    case CheckStatus::kFailure:
      return "FAIL";
  }
  return "";
}

}  // namespace

bool CheckReport::failed() const {
  return std::any_of(items.begin(), items.end(),
                     [](const CheckItem& item) { return item.status == CheckStatus::kFailure; });
}

CheckReport CheckPrerequisites(const Options& options) { return Checker(options).Run(); }

std::string FormatReport(const CheckReport& report) {
  size_t width = 0;
  for (const CheckItem& item : report.items) width = std::max(width, item.what.size());
  std::string text;
  for (const CheckItem& item : report.items) {
    text += Word(item.status);
    text += "  " + item.what + std::string(width - item.what.size() + 2, ' ') + item.found + "\n";
    if (!item.remedy.empty()) text += std::string(width + 8, ' ') + "-> " + item.remedy + "\n";
  }
  return text;
}

}  // namespace trunkline
