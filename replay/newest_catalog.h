// Reading an archive whose segments are merged or removed meanwhile.
#pragma once

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

// Whether what failed with `error` is to be begun again, with what is listed then.
inline bool WasOvertaken(const Error& error) { return error.kind == ErrorKind::kConflict; }

// What `attempt` yields for a catalog: for `catalog`, or where an object of that was merged or
// removed before it was come to (kConflict), for what is listed then. Must have had no effect, or
// one that the next goes on from.
template <typename T, typename Attempt>
Result<T> OnNewestCatalog(const Store& store, const Catalog& catalog, const Attempt& attempt) {
  constexpr int kMostAgain = 3;
  Result<T> result = attempt(catalog);
  for (int again = 0; again < kMostAgain; ++again) {
    if (result || !WasOvertaken(result.error())) break;
    ASSIGN_OR_RETURN(const Catalog now, LoadCatalog(store));
    result = attempt(now);
  }
  return result;
}

}  // namespace trunkline
