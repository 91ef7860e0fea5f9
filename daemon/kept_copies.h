// KeptCopies: what a snapshot need not copy again, because an attempt that was cut short did.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "archive/appender.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/definition_query.h"
#include "daemon/source.h"
#include "daemon/table_files.h"
#include "postgres/connection.h"

namespace trunkline {

struct KeptCopies {
  // Ranges of pages of one table, by page, and their parts. Rows of theirs that were written since
  // have to be copied.
  struct Pages {
    std::vector<CopiedPages> ranges;
    std::vector<SnapshotPart> parts;
  };
  // Of tables that are whole.
  std::vector<SnapshotPart> parts;
  std::unordered_set<uint32_t> oids;
  // By relation OID, of others.
  std::unordered_map<uint32_t, Pages> pages;
};

// The snapshot that is being taken.
struct SnapshotInProgress {
  const Source& source;
  Lsn newest_base;    // that is complete; Lsn{}: none
  Lsn unbroken_from;  // Appender::unbroken_from
  const DescribedTables& described;
  const std::string& publication_state;
  const TableFiles& files;
};

// Copies since the newest base snapshot that the changes since then bring on exactly: the archive
// has (or will have) all of these, on the same timeline, and neither the table, nor any type, nor
// the publication was altered in between. Pages besides, if their rows lie where they did, and are
// told apart by a key. Removes the manifests of pages that are of no use, and while the archive has
// no base snapshot that could need them, those of tables.
Result<KeptCopies> KeepCopies(Store* store, const Appender& appender,
                              const SnapshotInProgress& snapshot);
// The same for pages alone; `wanted` has the tables that are going to be copied.
Result<KeptCopies> KeepPages(Store* store, const Appender& appender,
                             const SnapshotInProgress& snapshot,
                             const std::unordered_set<uint32_t>& wanted);

// Whether changes of the table name each row by a key.
bool IsFoundByKey(const Relation& table);

// What tells one life of the publication, and of each table in it, from another.
Result<std::string> PublicationState(postgres::Connection* connection,
                                     const std::string& publication);

}  // namespace trunkline
