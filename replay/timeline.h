// Timeline: the transactions of an archive, in the order of its segments.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "archive/catalog.h"
#include "archive/segment_reader.h"
#include "archive/store.h"
#include "base/error.h"
#include "replay/read_ahead.h"

namespace trunkline {

class Timeline {
 public:
  // Neither is owned.
  Timeline(const Store& store, const Catalog& catalog) : store_(store), catalog_(catalog) {}

  // Visits the transactions' slices in the blocks that `wanted` chooses until `visit` says stop.
  Result<void> Scan(const ReadAhead::Filter& wanted,
                    const std::function<bool(const TransactionSlice& slice,
                                             std::span<const Change> changes)>& visit) const;
  // The last transaction whose commit record begins before `limit`, unless a gap is between.
  Result<std::optional<TransactionInfo>> LastBefore(Lsn limit) const;
  // The first transaction whose commit record begins at `limit` or later, likewise.
  Result<std::optional<TransactionInfo>> FirstFrom(Lsn limit) const;

 private:
  const Store& store_;
  const Catalog& catalog_;
};

}  // namespace trunkline
