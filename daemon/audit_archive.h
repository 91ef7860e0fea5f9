// AuditArchive: the digests of an archive's tables, as the program trunkline says them.
//
// It runs as a child of low priority, so that a rebuild's memory, which has a limit of its own, and
// time are not the daemon's.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/lsn.h"
#include "daemon/audit_comparison.h"

namespace trunkline {

// The trunkline that lies beside this program. kNotFound when there is none.
Result<std::string> FindTrunkline();

struct ArchiveDigestOptions {
  std::string program;                // as FindTrunkline says
  std::string archive;                // URL
  std::string scratch;                // a folder for what it prints, and for rows beyond its memory
  uint64_t memory_bytes = 256 << 20;  // for rows
};

// The state at `lsn`, which the archive reaches. Tables in doubt are there, as left out. kCancelled
// once a stop is requested, which ends the child.
Result<std::vector<DigestedTable>> DigestArchive(const ArchiveDigestOptions& options, Lsn lsn,
                                                 const std::stop_token& stop);

// Reads what `trunkline digest --json` printed; kCorrupt when it is something else.
Result<std::vector<DigestedTable>> ParseArchiveDigests(const std::string& json);

}  // namespace trunkline
