#include "daemon/table_files.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace trunkline {
namespace {

uint64_t ToNumber(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string OidArray(const std::unordered_set<uint32_t>& oids) {
  std::string array = "{";
  for (const uint32_t oid : oids) array += (array.size() > 1 ? "," : "") + std::to_string(oid);
  return array + "}";
}

const TableFile* TableFiles::Find(uint32_t oid) const {
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [oid](const TableFile& table) { return table.oid == oid; });
  return found == tables.end() ? nullptr : &*found;
}

Result<TableFiles> QueryTableFiles(postgres::Connection* connection,
                                   const std::unordered_set<uint32_t>& oids) {
  TableFiles files;
  ASSIGN_OR_RETURN(
      const postgres::Rows snapshot,
      connection->Exec("SELECT pg_catalog.pg_snapshot_xmin(s), pg_catalog.pg_snapshot_xmax(s),"
                       " pg_catalog.current_setting('block_size')"
                       " FROM pg_catalog.pg_current_snapshot() s"));
  files.xmin = ToNumber(snapshot.at(0, 0));
  files.xmax = ToNumber(snapshot.at(0, 1));
  files.page_bytes = std::max<uint64_t>(ToNumber(snapshot.at(0, 2)), 1);
  const std::string parameters[] = {OidArray(oids)};
  ASSIGN_OR_RETURN(
      const postgres::Rows rows,
      connection->Exec("SELECT c.oid, c.relfilenode,"
                       " c.relkind = 'p' OR c.relfilenode = pg_catalog.pg_relation_filenode(c.oid),"
                       " c.relkind = 'r' AND a.amname = 'heap',"
                       " CASE WHEN c.relkind = 'r' AND a.amname = 'heap'"
                       " THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END"
                       " FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam"
                       " WHERE c.oid = ANY ($1::oid[])"
                       " ORDER BY pg_catalog.pg_table_size(c.oid) DESC, c.oid",
                       parameters));
  for (int row = 0; row < rows.size(); ++row) {
    files.tables.push_back({.oid = static_cast<uint32_t>(ToNumber(rows.at(row, 0))),
                            .file_node = static_cast<uint32_t>(ToNumber(rows.at(row, 1))),
                            .unchanged = rows.at(row, 2) == "t",
                            .heap = rows.at(row, 3) == "t",
                            .pages = ToNumber(rows.at(row, 4)) / files.page_bytes});
  }
  return files;
}

}  // namespace trunkline
