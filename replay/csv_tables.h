// The tables of a state as CSV files, several threads formatting what is written in order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "replay/state.h"

namespace trunkline {

// Writes each table to a new file of `folder`, named SCHEMA.TABLE.csv (percent-encoded), and makes
// it durable. The bytes do not depend on the number of threads, and the memory, some MiB a thread
// and its largest row, does not depend on the tables. After an error the files are incomplete.
// `wrote`, never called by two threads at once, counts rows as they are written.
Result<void> WriteCsvTables(const DatabaseState& state, const std::string& folder,
                            const std::function<void(uint64_t rows)>& wrote);

}  // namespace trunkline
