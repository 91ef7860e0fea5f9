// The undo format of `trunkline log`: commands that take changes back, newest first.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/log_filter.h"
#include "replay/memory_options.h"
#include "replay/target.h"

namespace trunkline {

struct UndoOptions {
  std::optional<Target> from;  // nothing: the first instant that can be rebuilt
  Target to = Latest{};
  std::string table;                                            // what `filter` was made of
  std::string scratch_folder;                                   // for commands beyond some MiB
  MemoryOptions memory;                                         // for rows
  std::function<void(uint64_t done, uint64_t total)> progress;  // bytes read; may be null
};

struct UndoOutcome {
  std::vector<std::string> warnings;  // what the commands do not take back; one line each
};

// Passes the commands on in pieces, once all of them are known: of an undo that fails before that
// nothing is seen. Takes the memory of the tables' state at `from`, up to what `memory` allows,
// however long the range is.
//
// kNotFound for a range that cannot be reached or a table that is not known; kGap for a gap in the
// range, or a table whose rows cannot be told; kUnsupported, naming table and LSN, where a table's
// definition changed after changes to take back.
Result<UndoOutcome> WriteUndo(const Store& store, const Catalog& catalog, const LogFilter& filter,
                              const UndoOptions& options,
                              const std::function<Result<void>(std::string_view text)>& write);

}  // namespace trunkline
