// Reading an archive whose segments are merged or removed meanwhile.
#pragma once

#include "archive/catalog.h"
#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

// What `attempt` yields for a catalog: for `catalog`, or where an object of that was merged or
// removed before it was come to (kConflict), for what is listed then. Must have had no effect.
template <typename T, typename Attempt>
Result<T> OnNewestCatalog(const Store& store, const Catalog& catalog, const Attempt& attempt) {
  constexpr int kMostAgain = 3;
  Result<T> result = attempt(catalog);
  for (int again = 0; again < kMostAgain; ++again) {
    if (result || result.error().kind != ErrorKind::kConflict) break;
    ASSIGN_OR_RETURN(const Catalog now, LoadCatalog(store));
    result = attempt(now);
  }
  return result;
}

}  // namespace trunkline
