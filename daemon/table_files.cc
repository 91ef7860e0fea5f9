#include "daemon/table_files.h"

#include <algorithm>

namespace trunkline {
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
  files.xmin = snapshot.number(0, 0);
  files.xmax = snapshot.number(0, 1);
  files.page_bytes = std::max<uint64_t>(snapshot.number(0, 2), 1);
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
    files.tables.push_back({.oid = static_cast<uint32_t>(rows.number(row, 0)),
                            .file_node = static_cast<uint32_t>(rows.number(row, 1)),
                            .unchanged = rows.at(row, 2) == "t",
                            .heap = rows.at(row, 3) == "t",
                            .pages = rows.number(row, 4) / files.page_bytes});
  }
  return files;
}

}  // namespace trunkline
