// The newest definition that an archive holds.
#pragma once

#include <optional>
#include <string>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "daemon/definition_query.h"

namespace trunkline {

// Of the newest change that carries one of `publication`, else of the newest complete base
// snapshot, which stands for all changes before its LSN. Reads segments from the end backwards.
// Nothing for a new archive.
Result<std::optional<DescribedTables>> NewestDefinition(const Store& store,
                                                        const std::string& publication);

}  // namespace trunkline
