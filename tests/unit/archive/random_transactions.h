// Random streams of changes: any kind, any state, any shape of value, relations that change.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/unit/archive/recorded_transactions.h"

namespace trunkline::test {

std::vector<OwnedTransaction> RandomTransactions(uint32_t seed);

}  // namespace trunkline::test
