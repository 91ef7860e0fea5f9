// Any sequence of changes comes back identically, in blocks of any size.
#include <gtest/gtest.h>
// Needs gtest before it.
#include <rapidcheck/gtest.h>

#include "tests/unit/archive/random_transactions.h"

namespace trunkline {
namespace {

using namespace test;

RC_GTEST_PROP(SegmentProperty, AnythingComesBack, (uint32_t seed)) {
  SegmentOptions options;
  options.block_changes = *rc::gen::element(1u, 2u, 7u, 100u, 65'536u);
  options.block_raw_bytes = *rc::gen::element(1u, 1000u, 4u << 20);
  options.zstd_level = *rc::gen::inRange(1, 20);
  options.memory_bytes = *rc::gen::element(0u, 1000u, 1u << 20);
  const std::vector<OwnedTransaction> transactions = RandomTransactions(seed);
  const std::string segment = EncodeSegment(transactions, options);
  const auto read = DecodeSegment(segment);
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == transactions);
  RC_ASSERT(EncodeSegment(transactions, options) == segment);
}

// Damage under intact checksums is the fuzzers' part; here, any change to the bytes is seen.
RC_GTEST_PROP(SegmentProperty, AnyDamageIsSeen, (uint32_t seed)) {
  std::string segment = EncodeSegment(RandomTransactions(seed));
  const auto at = *rc::gen::inRange<size_t>(0, segment.size());
  segment[at] = static_cast<char>(segment[at] ^ *rc::gen::inRange(1, 256));
  RC_ASSERT(!DecodeSegment(segment).has_value());
}

}  // namespace
}  // namespace trunkline
