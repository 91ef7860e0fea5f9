// SkipObserver: told of what a rebuild without some of the transactions leaves out, and of what
// later changes then meet.
#pragma once

#include "base/lsn.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

enum class ConflictKind {
  kMissingRow,  // an update or delete of a row that is not there: passed over
  kTakenKey,    // a new row whose key another row has: the new one replaces it
  kBuiltOn,     // an update of a row that was left out in part: only what it changed is applied
};

// Borrows everything, for the call alone.
struct Conflict {
  ConflictKind kind = ConflictKind::kMissingRow;
  const Relation* relation = nullptr;
  // The row as the change names it: columns of the replica identity have their values, others may
  // be NULL.
  Tuple row = {};
  const Change* change = nullptr;                // the later one; null: a change of definition
  const TransactionInfo* transaction = nullptr;  // of it
};

class SkipObserver {
 public:
  virtual ~SkipObserver() = default;
  // Of a transaction that is left out: a change of a row, a truncate, or a message, which counts
  // all the same where it defines something.
  virtual void OnSkipped(const TransactionInfo& transaction, const Change& change) = 0;
  virtual void OnConflict(const Conflict& conflict) = 0;
};

// What a table meets, which knows of no transactions.
class RowConflicts {
 public:
  virtual ~RowConflicts() = default;
  virtual void OnRowConflict(ConflictKind kind, const Relation& relation, Tuple row) = 0;
};

}  // namespace trunkline
