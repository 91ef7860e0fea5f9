#include "archive/segment_writer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "tests/unit/archive/recorded_transactions.h"

namespace trunkline {
namespace {

using namespace test;

// The block statistics of a segment of `transactions`, and what they refer to.
std::unique_ptr<SegmentReader> Written(const std::vector<OwnedTransaction>& transactions,
                                       const SegmentOptions& options = {}) {
  return std::move(OpenBytes(EncodeSegment(transactions, options))).value();
}

TEST(SegmentWriter, StatisticsOfABlock) {
  const auto reader = Written({OrderTransaction(10), OrderTransaction(12)});
  ASSERT_EQ(reader->blocks().size(), 1u);
  const BlockStats& block = reader->blocks()[0];
  EXPECT_EQ(block.changes, 4u);
  EXPECT_EQ(block.transactions, 2u);
  EXPECT_EQ(block.commit_lsn_min, OrderTransaction(10).info.commit_lsn);
  EXPECT_EQ(block.commit_lsn_max, OrderTransaction(12).info.commit_lsn);
  EXPECT_EQ(block.commit_time_min, OrderTransaction(10).info.commit_time);
  EXPECT_EQ(block.commit_time_max, OrderTransaction(12).info.commit_time);
  EXPECT_FALSE(block.has_messages);
  ASSERT_EQ(block.relations.size(), 1u);
  EXPECT_EQ(block.relations[0].inserts, 2u);
  EXPECT_EQ(block.relations[0].updates, 2u);
  EXPECT_EQ(block.relations[0].deletes, 0u);
  EXPECT_TRUE(block.relations[0].has_key_range);
  EXPECT_EQ(block.relations[0].key_min, 5);
  EXPECT_EQ(block.relations[0].key_max, 12);
}

TEST(SegmentWriter, RangeOfTimesLeavesMessagesOfTheirOwnOut) {
  OwnedTransaction message;  // not transactional: it has no xid and no commit time
  message.info.commit_lsn = message.info.end_lsn = OrderTransaction(11).info.commit_lsn;
  OwnedChange& change = message.changes.emplace_back();
  change.operation = Operation::kMessage;
  change.transactional = false;
  const auto reader = Written({OrderTransaction(10), message, OrderTransaction(12)});
  const BlockStats& block = reader->blocks()[0];
  EXPECT_EQ(block.transactions, 3u);
  EXPECT_EQ(block.commit_time_min, OrderTransaction(10).info.commit_time);
  EXPECT_EQ(block.commit_time_max, OrderTransaction(12).info.commit_time);
}

TEST(SegmentWriter, KeyRangeCoversOldTuplesAndNeedsIntegers) {
  const auto reader = Written(RepresentativeTransactions());
  ASSERT_EQ(reader->blocks().size(), 1u);
  EXPECT_TRUE(reader->blocks()[0].has_messages);
  for (const BlockRelationStats& stats : reader->blocks()[0].relations) {
    const Relation& relation = reader->relations()[stats.relation_index];
    EXPECT_EQ(stats.has_key_range, relation.name == "orders") << relation.name;
    if (relation == OrdersRelation()) {
      EXPECT_EQ(stats.key_min, 0);
      EXPECT_EQ(stats.key_max, 900);
      EXPECT_EQ(stats.deletes, 1u);
      EXPECT_EQ(stats.truncates, 1u);
    }
  }
}

TEST(SegmentWriter, LargeTransactionIsCutIntoSlices) {
  OwnedTransaction large = OrderTransaction(1);
  for (uint32_t i = 2; i < 40; ++i) {
    for (const OwnedChange& change : OrderTransaction(i).changes) large.changes.push_back(change);
  }
  SegmentOptions options;
  options.block_changes = 10;
  const auto reader = Written({large}, options);
  ASSERT_EQ(reader->blocks().size(), 8u);
  uint64_t transactions = 0;
  for (const BlockStats& block : reader->blocks()) transactions += block.transactions;
  EXPECT_EQ(transactions, 1u);
  DecodedBlock block;
  ASSERT_TRUE(reader->ReadBlock(3, &block));
  ASSERT_EQ(block.slices().size(), 1u);
  EXPECT_FALSE(block.slices()[0].begins);
  EXPECT_FALSE(block.slices()[0].ends);
  EXPECT_EQ(block.slices()[0].info.end_lsn, Lsn{});
  ASSERT_TRUE(reader->ReadBlock(7, &block));
  EXPECT_TRUE(block.slices()[0].ends);
  EXPECT_EQ(block.slices()[0].info, large.info);
}

TEST(SegmentWriter, CountsWhatItHolds) {
  SegmentWriter writer{SegmentOptions{}};
  EXPECT_EQ(writer.last_end_lsn(), Lsn{});
  ASSERT_TRUE(Play({OrderTransaction(1), OrderTransaction(2)}, &writer));
  EXPECT_EQ(writer.transactions(), 2u);
  EXPECT_EQ(writer.changes(), 4u);
  EXPECT_GT(writer.encoded_bytes(), 0u);
  EXPECT_EQ(writer.last_end_lsn(), OrderTransaction(2).info.end_lsn);
  ASSERT_TRUE(writer.Begin(OrderTransaction(3).info));
  EXPECT_TRUE(writer.in_transaction());
  EXPECT_FALSE(writer.Finish(WideHeader()));
}

TEST(SegmentWriter, RangeMustHoldEveryTransaction) {
  const TransactionInfo info = OrderTransaction(1).info;
  const auto finish = [&](Lsn begin, Lsn end) {
    SegmentWriter writer{SegmentOptions{}};
    EXPECT_TRUE(Play({OrderTransaction(1)}, &writer));
    SegmentHeader header = WideHeader();
    header.begin = begin;
    header.end = end;
    return writer.Finish(header).has_value();
  };
  EXPECT_TRUE(finish(Lsn{info.end_lsn.value - 1}, info.end_lsn));
  EXPECT_FALSE(finish(info.end_lsn, Lsn{info.end_lsn.value + 1}));
  EXPECT_FALSE(finish(Lsn{}, Lsn{info.end_lsn.value - 1}));
}

// A change that does not fit its relation is refused before it gets into a block.
TEST(SegmentWriter, RefusesWhatIsNoChange) {
  const Relation orders = OrdersRelation();
  const std::vector<Value> row(5, Value{ValueState::kText, "1"});
  const auto refused = [&](Change change) {
    SegmentWriter writer{SegmentOptions{}};
    EXPECT_TRUE(writer.Begin({}));
    return !writer.OnChange(change);
  };
  Change change;
  change.new_tuple = row;
  EXPECT_TRUE(refused(change));
  change.relation = &orders;
  EXPECT_FALSE(refused(change));
  change.new_tuple = change.new_tuple.first(4);
  EXPECT_TRUE(refused(change));
  change.operation = Operation::kDelete;
  EXPECT_TRUE(refused(change));
  SegmentWriter outside{SegmentOptions{}};
  EXPECT_FALSE(outside.OnChange(change));
  EXPECT_FALSE(outside.Commit({}));
}

TEST(SegmentWriter, CommitMustMatchBegin) {
  SegmentWriter writer{SegmentOptions{}};
  ASSERT_TRUE(writer.Begin(OrderTransaction(1).info));
  EXPECT_FALSE(writer.Begin(OrderTransaction(1).info));
  EXPECT_FALSE(writer.Commit(OrderTransaction(2).info));
}

// The sizes that the writer tells after each of many transactions; each block of them is given
// `time` to be encoded.
std::vector<uint64_t> SizesAlong(std::chrono::microseconds time) {
  SegmentWriter writer{SegmentOptions{.block_changes = 20}};
  std::vector<uint64_t> sizes;
  for (uint32_t number = 1; number <= 500; ++number) {
    EXPECT_TRUE(Play({OrderTransaction(number)}, &writer));
    std::this_thread::sleep_for(time);
    sizes.push_back(writer.encoded_bytes());
  }
  return sizes;
}

TEST(SegmentWriter, SizesDoNotDependOnHowFastItEncodes) {
  const std::vector<uint64_t> sizes = SizesAlong({});
  EXPECT_EQ(SizesAlong(std::chrono::microseconds(500)), sizes);
  EXPECT_GT(sizes.back(), sizes.front());
}

TEST(SegmentWriter, MayBeDestroyedWhileItEncodes) {
  for (int i = 0; i < 20; ++i) {
    SegmentWriter writer{SegmentOptions{.block_changes = 1000}};
    for (uint32_t number = 1; number <= 501; ++number) {
      ASSERT_TRUE(Play({OrderTransaction(number)}, &writer));
    }
  }
}

}  // namespace
}  // namespace trunkline
