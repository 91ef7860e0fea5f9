// AuditComparison: whether the rows that an archive has at an LSN are those that its source had,
// told from their digests (docs/digest.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/lsn.h"

namespace trunkline {

struct DigestedTable {
  uint32_t oid = 0;  // of the relation, in the stream as in the catalogs
  std::string schema;
  std::string name;
  std::vector<std::string> columns;
  uint64_t rows = 0;
  std::string digest;
  // Why there is no digest, in words that follow the table's name; empty: there is one.
  std::string left_out;
};

struct AuditReport {
  Lsn lsn;
  uint64_t tables = 0;  // compared
  uint64_t rows = 0;    // of theirs, at the source
  // One line a table. No row value is in any.
  std::vector<std::string> mismatches;
  std::vector<std::string> left_out;
};

// Tables are told apart by OID, so that one that was renamed is the same on both sides. Compared
// are those that both sides have, with the same columns: without DDL capture an archive
// can learn late of a table made, dropped or altered.
AuditReport CompareDigests(Lsn lsn, const std::vector<DigestedTable>& source,
                           const std::vector<DigestedTable>& archive);

}  // namespace trunkline
