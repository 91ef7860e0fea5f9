#include "daemon/publication_alarm.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace trunkline {
namespace {

using postgres::Connection;
using postgres::Rows;

std::map<uint32_t, std::string> TablesOf(const Rows& rows) {
  std::map<uint32_t, std::string> tables;
  for (int row = 0; row < rows.size(); ++row) {
    uint32_t oid = 0;
    const std::string_view text = rows.at(row, 0);
    std::from_chars(text.data(), text.data() + text.size(), oid);
    tables.emplace(
        oid, QualifiedIdentifier({std::string(rows.at(row, 1)), std::string(rows.at(row, 2))}));
  }
  return tables;
}

// What has the oid or the name of a table that is not published under this oid any more: perhaps it
// was dropped and made anew.
Result<std::optional<std::string>> FindUnpublished(Connection* connection, uint32_t oid,
                                                   const std::string& name) {
  const std::string parameters[] = {std::to_string(oid), name};
  ASSIGN_OR_RETURN(const Rows rows,
                   connection->Exec("SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c"
                                    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                                    " WHERE c.oid = $1::oid OR c.oid = pg_catalog.to_regclass($2)"
                                    " ORDER BY c.oid = $1::oid DESC LIMIT 1",
                                    parameters));
  if (rows.size() == 0) return std::optional<std::string>();
  return std::optional<std::string>(TablesOf(rows).begin()->second);
}

// Each time something is listed, its entry gets another oid.
Result<void> ReadEntries(Connection* connection, const std::string& publication_oid,
                         std::map<std::string, std::string>* entries) {
  constexpr int kFirstWithSchemas = 150000;
  std::string query =
      "SELECT prrelid::pg_catalog.regclass::text, oid FROM pg_catalog.pg_publication_rel"
      " WHERE prpubid = $1::oid";
  if (connection->server_version() >= kFirstWithSchemas) {
    query +=
        " UNION ALL SELECT 'the schema ' || pnnspid::pg_catalog.regnamespace::text, oid"
        " FROM pg_catalog.pg_publication_namespace WHERE pnpubid = $1::oid";
  }
  const std::string parameters[] = {publication_oid};
  ASSIGN_OR_RETURN(const Rows rows, connection->Exec(query, parameters));
  for (int row = 0; row < rows.size(); ++row) {
    entries->emplace(rows.at(row, 0), rows.at(row, 1));
  }
  return {};
}

bool IsIn(const std::map<uint32_t, std::string>& tables, const std::string& name) {
  return std::any_of(tables.begin(), tables.end(),
                     [&](const auto& table) { return table.second == name; });
}

// Operations that `before` had and `now` has not.
std::string Missing(const PublicationInfo& before, const PublicationInfo& now) {
  std::string missing;
  const auto note = [&](bool was, bool is, const char* operation) {
    if (was && !is) missing += (missing.empty() ? "" : ", ") + std::string(operation);
  };
  note(before.publishes_insert, now.publishes_insert, "insert");
  note(before.publishes_update, now.publishes_update, "update");
  note(before.publishes_delete, now.publishes_delete, "delete");
  note(before.publishes_truncate, now.publishes_truncate, "truncate");
  return missing;
}

}  // namespace

std::vector<std::string> PublicationAlarm::Judge(const PublicationReading& reading) {
  std::vector<std::string> alarms;
  const std::string name = "the publication " + postgres::QuoteIdentifier(publication_);
  const PublicationReading before = std::exchange(last_, reading);
  if (!reading.info.exists) {
    // What was published stays known, so that a publication made anew is compared with it.
    last_ = before;
    last_.info.exists = false;
    if (before.info.exists) alarms.push_back(name + " was dropped: no change is archived any more");
    return alarms;
  }
  if (!before.oid.empty() && before.oid != reading.oid) {
    alarms.push_back(name + " was dropped and made anew");
  }
  if (const std::string missing = Missing(before.info, reading.info); !missing.empty()) {
    alarms.push_back(name + " leaves out " + missing +
                     ": rebuilt states will differ from the source");
  }
  for (const std::string& table : reading.unpublished) {
    alarms.push_back(table + " has left " + name + ": its changes are not archived any more");
  }
  for (const auto& [entry, oid] : reading.entries) {
    const auto known = before.entries.find(entry);
    if (known == before.entries.end() || known->second == oid || before.oid != reading.oid)
      continue;
    alarms.push_back(entry + " was taken out of " + name +
                     " and listed anew: what was changed in between is not archived");
  }
  return alarms;
}

Result<PublicationReading> ReadPublication(Connection* connection, const std::string& publication,
                                           const std::map<uint32_t, std::string>& known) {
  PublicationReading reading;
  ASSIGN_OR_RETURN(reading.info, FindPublication(connection, publication));
  if (!reading.info.exists) return reading;
  const std::string parameters[] = {publication};
  ASSIGN_OR_RETURN(
      const Rows oid,
      connection->Exec("SELECT oid FROM pg_catalog.pg_publication WHERE pubname = $1", parameters));
  if (oid.size() == 1) reading.oid = oid.at(0, 0);
  if (reading.info.all_tables) return reading;
  TRY(ReadEntries(connection, reading.oid, &reading.entries));
  ASSIGN_OR_RETURN(const Rows published,
                   connection->Exec("SELECT c.oid, t.schemaname, t.tablename"
                                    " FROM pg_catalog.pg_publication_tables t"
                                    " JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"
                                    " JOIN pg_catalog.pg_class c"
                                    "   ON c.relnamespace = n.oid AND c.relname = t.tablename"
                                    " WHERE t.pubname = $1",
                                    parameters));
  reading.tables = TablesOf(published);
  for (const auto& [table, name] : known) {
    if (reading.tables.count(table) != 0) continue;
    ASSIGN_OR_RETURN(std::optional<std::string> successor,
                     FindUnpublished(connection, table, name));
    if (!successor.has_value() || IsIn(reading.tables, *successor)) continue;
    reading.unpublished.push_back(*std::move(successor));
  }
  return reading;
}

}  // namespace trunkline
