// AuditSource: the digests of the published tables as one snapshot of the source sees them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/audit_comparison.h"
#include "postgres/connection.h"

namespace trunkline {

// Runs the queries of sql/digest.sql, which the source need not have, in the transaction that is
// open on the connection. Each table is locked against TRUNCATE and ALTER TABLE while it is read,
// and no longer; one that cannot be read as of the snapshot says so in left_out. One process of the
// server works, whatever max_parallel_workers_per_gather says.
Result<std::vector<DigestedTable>> DigestSource(postgres::Connection* connection,
                                                const std::string& publication);

}  // namespace trunkline
