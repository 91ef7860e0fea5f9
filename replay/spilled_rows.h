// Rows of tables on disk: what does not fit into --memory.
#pragma once

#include <memory>

#include "replay/row_store.h"

namespace trunkline {

class SpillDatabase;

// Its rows are in the order of their identities; those of insert-only tables, in which they came.
// Several stores may share a database, with one thread that changes them.
std::unique_ptr<RowStore> NewSpilledRows(std::shared_ptr<SpillDatabase> database,
                                         const RowIdentity& identity);

}  // namespace trunkline
