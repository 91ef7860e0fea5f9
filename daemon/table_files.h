// TableFiles: where the rows of tables lie at the source, and which transactions a snapshot sees.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "postgres/connection.h"

namespace trunkline {

struct TableFile {
  uint32_t oid = 0;
  uint32_t file_node = 0;  // pg_class.relfilenode, as the snapshot sees it
  bool unchanged = false;  // since the snapshot: no TRUNCATE or rewrite gave it another one
  bool heap = false;       // rows lie in numbered pages
  uint64_t pages = 0;      // of a heap, by now
};

struct TableFiles {
  std::vector<TableFile> tables;  // largest first
  uint64_t page_bytes = 1;
  // pg_current_snapshot(): all transactions before xmin have ended, none from xmax on has begun.
  uint64_t xmin = 0;
  uint64_t xmax = 0;

  const TableFile* Find(uint32_t oid) const;
};

// As an SQL array's text.
std::string OidArray(const std::unordered_set<uint32_t>& oids);

// Of the tables with these OIDs, as the connection's transaction sees them.
Result<TableFiles> QueryTableFiles(postgres::Connection* connection,
                                   const std::unordered_set<uint32_t>& oids);

}  // namespace trunkline
