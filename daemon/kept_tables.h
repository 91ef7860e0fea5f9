// KeptTables: what a base snapshot need not copy again, because an attempt that was cut short did.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "archive/appender.h"
#include "archive/store.h"
#include "base/error.h"
#include "daemon/definition_query.h"
#include "daemon/source.h"
#include "postgres/connection.h"

namespace trunkline {

struct KeptTables {
  std::vector<SnapshotPart> parts;
  std::unordered_set<uint32_t> oids;
};

// Of the tables whose snapshot is whole, those that the changes since then bring on exactly: the
// archive has (or will have) all of these, on the same timeline, and neither the table, nor any
// type, nor the publication was altered in between. Removes the manifests of the others.
// `described` and `publication_state` are as of the base snapshot being taken.
Result<KeptTables> KeepTables(Store* store, const Appender& appender, const Source& source,
                              const DescribedTables& described,
                              const std::string& publication_state);

// What tells one life of the publication, and of each table in it, from another.
Result<std::string> PublicationState(postgres::Connection* connection,
                                     const std::string& publication);

}  // namespace trunkline
