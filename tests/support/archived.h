// What an archive holds, read with the archive library: to compare with the source's own word.
#pragma once

#include <string>
#include <vector>

#include "decoder/change.h"

namespace trunkline::test {

// Every transaction of an archive's segments, in order; xid 0 (messages on their own) left out.
std::vector<TransactionInfo> ArchivedTransactions(const std::string& archive);

}  // namespace trunkline::test
