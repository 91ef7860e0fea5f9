// TwinSlot: a second slot beside the daemon's, read with test_decoding: the same WAL told by other
// means.
#pragma once

#include <string>
#include <vector>

#include "base/lsn.h"
#include "tests/support/session.h"

namespace trunkline::test {

struct TwinLine {
  Lsn lsn;  // of a COMMIT line: the end of the commit record
  Xid xid;
  std::string text;
};

class TwinSlot {
 public:
  // Makes the slot unless it is there; it stays.
  explicit TwinSlot(const std::string& conninfo);

  // Everything since the slot was made, with include-xids and skip-empty-xacts.
  std::vector<TwinLine> Lines();
  // The transactions with row changes that end after `from`, in commit order.
  std::vector<Xid> Transactions(Lsn from);

 private:
  Session session_;
};

}  // namespace trunkline::test
