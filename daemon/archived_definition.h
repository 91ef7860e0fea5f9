// The newest definition that an archive holds.
#pragma once

#include <optional>
#include <string>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

// The JSON document of docs/definition.md, of the newest change that carries one, else of the
// newest complete snapshot. Reads segments from the end backwards. Nothing for a new archive.
Result<std::optional<std::string>> NewestDefinition(const Store& store);

}  // namespace trunkline
