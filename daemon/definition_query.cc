#include "daemon/definition_query.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/fault.h"
#include "daemon/source.h"
#include "definition_sql.h"

namespace trunkline {
namespace {

using Json = nlohmann::json;

bool Lists(const Json& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Generated columns are sent only where the publication says so, by listing them.
bool IsSent(const Json& table, const Json& column) {
  const Json& published = table.at("published_columns");
  if (!published.is_null()) return Lists(published, column.at("name").get<std::string>());
  return column.at("generated").get<std::string>().empty();
}

RelationColumn ToColumn(const Json& table, const Json& column) {
  RelationColumn result;
  result.name = column.at("name").get<std::string>();
  result.type_oid = column.at("type_oid").get<uint32_t>();
  result.type_modifier = column.at("type_modifier").get<int32_t>();
  result.key = Lists(table.at("key_columns"), result.name);
  const Json& type = column.at("stream_type");
  if (!type.is_null()) {
    result.type_schema = type.at("schema").get<std::string>();
    result.type_name = type.at("name").get<std::string>();
  }
  return result;
}

// Throws where a reader of the archive could not make them.
void CheckDefinitions(const Json& objects) {
  for (const Json& object : objects) object.at("definition").get_ref<const std::string&>();
}

DescribedTable ToTable(const Json& table) {
  DescribedTable result;
  result.relation.oid = table.at("oid").get<uint32_t>();
  result.relation.schema = table.at("schema").get<std::string>();
  result.relation.name = table.at("name").get<std::string>();
  result.relation.identity =
      static_cast<ReplicaIdentity>(table.at("replica_identity").get<std::string>().at(0));
  for (const Json& column : table.at("columns")) {
    if (IsSent(table, column)) result.relation.columns.push_back(ToColumn(table, column));
  }
  CheckDefinitions(table.value("constraints", Json::array()));
  CheckDefinitions(table.value("indexes", Json::array()));
  result.published = table.at("published").get<bool>();
  result.partitioned = table.at("kind").get<std::string>() == "p";
  const Json& filter = table.at("row_filter");
  if (!filter.is_null()) result.row_filter = filter.get<std::string>();
  return result;
}

// Of the catalog rows that the document was made from. A dropped object has none.
Result<Xid> NewestXid(postgres::Connection* connection, const DescribedTables& tables) {
  std::string oids = "{";
  for (const DescribedTable& table : tables.tables) {
    if (oids.size() > 1) oids += ',';
    oids += std::to_string(table.relation.oid);
  }
  const std::string parameters[] = {oids + "}"};
  ASSIGN_OR_RETURN(
      const postgres::Rows rows,
      connection->Exec(
          "SELECT made.xmin FROM ("
          "SELECT xmin FROM pg_catalog.pg_class WHERE oid = ANY ($1::oid[]) UNION ALL "
          "SELECT xmin FROM pg_catalog.pg_attribute WHERE attrelid = ANY ($1::oid[]) UNION ALL "
          "SELECT xmin FROM pg_catalog.pg_attrdef WHERE adrelid = ANY ($1::oid[]) UNION ALL "
          "SELECT xmin FROM pg_catalog.pg_constraint WHERE conrelid = ANY ($1::oid[]) UNION ALL "
          "SELECT xmin FROM pg_catalog.pg_index WHERE indrelid = ANY ($1::oid[]) UNION ALL "
          "SELECT xmin FROM pg_catalog.pg_type WHERE oid >= 16384 UNION ALL "
          "SELECT xmin FROM pg_catalog.pg_enum UNION ALL "
          "SELECT xmin FROM pg_catalog.pg_publication UNION ALL "
          "SELECT xmin FROM pg_catalog.pg_publication_rel"
          ") made ORDER BY pg_catalog.age(made.xmin) LIMIT 1",
          parameters));
  Xid newest;
  if (rows.size() == 1) {
    const std::string_view text = rows.at(0, 0);
    std::from_chars(text.data(), text.data() + text.size(), newest.value);
  }
  return newest;
}

// Postgres's functions that print a definition read the newest catalogs, not the snapshot's: what
// is dropped at that very moment they do not find. Internal errors (XX000), which are not
// translated.
Error DroppedMeanwhile(Error error) {
  for (const std::string_view words : {"cache lookup failed", "could not open relation with OID"}) {
    if (error.message.find(words) == std::string::npos) continue;
    error.kind = ErrorKind::kUnavailable;
    error.hint = "a table was altered or dropped while its definition was read";
  }
  return error;
}

// sql/ddl_capture.sql puts it in front.
std::string WithoutSnapshot(std::string document) {
  constexpr std::string_view kHead = R"({"snapshot" : ")";
  constexpr std::string_view kTail = R"(", )";
  if (!document.starts_with(kHead)) return document;
  const size_t end = document.find(kTail, kHead.size());
  if (end == std::string::npos) return document;
  return document.erase(1, end + kTail.size() - 1);
}

}  // namespace

const Relation* DescribedTables::FindRelation(uint32_t oid) const {
  for (const DescribedTable& table : tables) {
    if (table.relation.oid == oid) return &table.relation;
  }
  return nullptr;
}

Result<DescribedTables> ParseDefinitionTables(std::string document) {
  DescribedTables described;
  try {
    const Json json = Json::parse(document);
    for (const Json& table : json.at("tables")) described.tables.push_back(ToTable(table));
    described.publication = json.value("publication", std::string());
  } catch (const std::exception&) {
    return Fail(ErrorKind::kCorrupt, "the definition of the published tables is malformed");
  }
  described.document = WithoutSnapshot(std::move(document));
  return described;
}

Result<DescribedTables> QueryDefinition(postgres::Connection* connection,
                                        const std::string& publication) {
  FAULT("definition.query");
  const std::string parameters[] = {publication};
  const Result<postgres::Rows> rows = connection->Exec(kDefinitionSql, parameters);
  if (!rows) return Fail(DroppedMeanwhile(rows.error()));
  if (rows->size() != 1) return Fail(ErrorKind::kFailed, "the definition query gave no row");
  return ParseDefinitionTables(std::string(rows->at(0, 0)));
}

Result<DescribedTables> QueryDefinitionNow(postgres::Connection* connection,
                                           const std::string& publication) {
  ASSIGN_OR_RETURN(const Lsn before, CurrentLsn(connection));
  ASSIGN_OR_RETURN(DescribedTables tables, QueryDefinition(connection, publication));
  ASSIGN_OR_RETURN(tables.newest_xid, NewestXid(connection, tables));
  ASSIGN_OR_RETURN(tables.settled, CurrentLsn(connection));
  tables.as_of = before;
  return tables;
}

}  // namespace trunkline
