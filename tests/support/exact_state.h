// ExactState: what a database's tables hold at exactly one LSN, by the server's own word.
//
// A temporary logical slot exports a snapshot at its consistent point X; a repeatable-read
// transaction on that snapshot sees the transactions whose commit record begins before X, which are
// those of the target lsn:X.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "tests/support/session.h"

namespace trunkline::test {

struct ExactState {
  Lsn lsn;
  // By "<schema>.<table>.csv", percent-encoded: COPY ... TO STDOUT (FORMAT csv, HEADER).
  std::map<std::string, std::string> tables;
  // Tables of the state that were made while it was taken, and were not read; named likewise.
  std::vector<std::string> unread;
};

// Takes the state of the tables of `publication`. Holds back TRUNCATE and ALTER TABLE, which no
// snapshot sees through, meanwhile; a load that uses them sets lock_timeout.
ExactState TakeExactState(const std::string& conninfo, const std::string& publication);

}  // namespace trunkline::test
