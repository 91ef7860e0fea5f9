// DefinitionQuery: how the published tables are defined, from one query over the source's catalogs
// (sql/definition.sql), and the relations that pgoutput would describe them as.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/lsn.h"
#include "decoder/relation.h"
#include "postgres/connection.h"

namespace trunkline {

struct DescribedTable {
  // Equal to what the stream's RELATION message says while the table stays as it is.
  Relation relation;
  bool published = false;
  bool partitioned = false;  // published through its root: its rows lie in its partitions
  std::string row_filter;    // an SQL condition; empty: all rows
};

struct DescribedTables {
  // The JSON of docs/definition.md, as it is archived; without the "snapshot" of one that came in
  // the stream, so that equal definitions are equal text.
  std::string document;
  std::string publication;  // empty: not said
  // Of QueryDefinitionNow only: whatever was committed before `as_of` is in the document, nothing
  // that was committed at or after `settled` is, and the newest of the transactions that made what
  // is in it.
  Lsn as_of;
  Lsn settled;
  Xid newest_xid;
  std::vector<DescribedTable> tables;

  const Relation* FindRelation(uint32_t oid) const;
};

// Sees what the connection's transaction sees.
Result<DescribedTables> QueryDefinition(postgres::Connection* connection,
                                        const std::string& publication);

// Outside of a transaction.
Result<DescribedTables> QueryDefinitionNow(postgres::Connection* connection,
                                           const std::string& publication);

// kCorrupt when the document is not what docs/definition.md says.
Result<DescribedTables> ParseDefinitionTables(std::string document);

}  // namespace trunkline
