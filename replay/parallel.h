// Independent pieces of work on a few threads.
#pragma once

#include <cstddef>
#include <functional>

#include "base/error.h"

namespace trunkline {

// Calls work(worker, item) once for each item, in their order as far as the start goes, at most one
// at a time for each worker. After an error no further item is started; yields the first error.
// Without workers to spare it runs on the caller's thread.
Result<void> InParallel(size_t workers, size_t items,
                        const std::function<Result<void>(size_t worker, size_t item)>& work);

}  // namespace trunkline
