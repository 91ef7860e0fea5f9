// Rows of tables on disk, in RocksDB: what does not fit into --memory. The only pair of files that
// knows RocksDB for that.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "replay/row_store.h"

namespace trunkline {

// A database in a scratch folder of its own, for several stores; one thread changes them. It is
// gone with the last of its users.
class SpillDatabase;

// Uses about `memory_bytes`. Every failure of the disk, now and later, is kUnavailable.
Result<std::shared_ptr<SpillDatabase>> OpenSpillDatabase(const std::string& directory,
                                                         uint64_t memory_bytes);

// Its rows are in the order of their identities; those of insert-only tables, in which they came.
std::unique_ptr<RowStore> NewSpilledRows(std::shared_ptr<SpillDatabase> database,
                                         const RowIdentity& identity);

}  // namespace trunkline
