// What is written comes back, whatever it is.
#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <thread>

#include "tests/unit/archive/recorded_transactions.h"

namespace trunkline {
namespace {

using namespace test;

void ExpectComesBack(const std::vector<OwnedTransaction>& transactions,
                     const SegmentOptions& options = {}) {
  const auto read = DecodeSegment(EncodeSegment(transactions, options));
  ASSERT_TRUE(read) << read.error().ToString();
  ASSERT_EQ(read->size(), transactions.size());
  for (size_t i = 0; i < transactions.size(); ++i) {
    EXPECT_EQ((*read)[i].info, transactions[i].info) << i;
    ASSERT_EQ((*read)[i].changes.size(), transactions[i].changes.size()) << i;
    for (size_t j = 0; j < transactions[i].changes.size(); ++j) {
      EXPECT_TRUE((*read)[i].changes[j] == transactions[i].changes[j]) << i << " " << j;
    }
  }
}

OwnedChange InsertOf(const Relation& relation, std::vector<OwnedValue> tuple) {
  OwnedChange change;
  change.relations = {relation};
  change.new_tuple = std::move(tuple);
  return change;
}

std::vector<OwnedTransaction> OneTransaction(std::vector<OwnedChange> changes) {
  OwnedTransaction transaction = OrderTransaction(1);
  transaction.changes = std::move(changes);
  return {transaction};
}

Relation TwoColumns() {
  return {1,
          "s",
          "t",
          ReplicaIdentity::kDefault,
          {{"k", 23, -1, true, "", ""}, {"v", 25, -1, false, "", ""}}};
}

TEST(SegmentRoundTrip, NoTransactions) { ExpectComesBack({}); }

TEST(SegmentRoundTrip, EveryKindOfChange) { ExpectComesBack(RepresentativeTransactions()); }

TEST(SegmentRoundTrip, Orders) {
  std::vector<OwnedTransaction> transactions;
  for (uint32_t i = 1; i <= 5000; ++i) transactions.push_back(OrderTransaction(i));
  ExpectComesBack(transactions);
}

TEST(SegmentRoundTrip, BlocksOfEverySmallSize) {
  std::vector<OwnedTransaction> transactions = RepresentativeTransactions();
  for (uint32_t i = 10; i < 20; ++i) transactions.push_back(OrderTransaction(i));
  for (const uint32_t changes : {1u, 2u, 3u, 5u, 8u}) {
    SegmentOptions options;
    options.block_changes = changes;
    ExpectComesBack(transactions, options);
  }
}

TEST(SegmentRoundTrip, HeaderComesBack) {
  SegmentHeader header = WideHeader();
  header.kind = SegmentKind::kManifest;
  header.begin = header.end = Lsn{0x1234};
  header.gap_reason = "none";
  header.parts = {{"snapshots/x/y.seg", std::string(32, '\xff'), 7, OrdersRelation()}};
  const auto reader = OpenBytes(EncodeSegment({}, {}, header));
  ASSERT_TRUE(reader) << reader.error().ToString();
  EXPECT_TRUE((*reader)->header() == header);
  EXPECT_EQ((*reader)->digest().size(), kDigestBytes);
  EXPECT_TRUE((*reader)->CheckDigest());
}

TEST(SegmentRoundTrip, HugeValuesAmongSmallOnes) {
  std::string huge(64 << 20, 'x');
  for (size_t i = 0; i < huge.size(); i += 4096) huge[i] = static_cast<char>(i >> 12);
  ExpectComesBack(OneTransaction({InsertOf(TwoColumns(), {Text("1"), Text("small")}),
                                  InsertOf(TwoColumns(), {Text("2"), Text(huge)}),
                                  InsertOf(TwoColumns(), {Text("3"), Binary(huge)}),
                                  InsertOf(TwoColumns(), {Text("4"), Text("")})}));
}

TEST(SegmentRoundTrip, ValuesThatLookLikeOtherTypes) {
  const std::vector<std::string> odd = {"",
                                        " ",
                                        "-",
                                        "-0",
                                        "+1",
                                        "01",
                                        "1.",
                                        ".5",
                                        "0.50",
                                        "-0.00",
                                        "1e5",
                                        "NaN",
                                        "Infinity",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "-9223372036854775808",
                                        "-9223372036854775809",
                                        "99999999999999999999",
                                        "infinity",
                                        "-infinity",
                                        "2016-02-30",
                                        "0000-01-01",
                                        "0044-03-15 BC",
                                        "10000-01-01",
                                        "2016-11-30 24:00:00",
                                        "2016-11-30 23:59:60",
                                        "2016-11-30 17:29:00.250",
                                        "2016-11-30 17:29:00.+00",
                                        "2016-11-30 17:29:00+00:00",
                                        "2016-11-30 17:29:00-08",
                                        "2016-11-30T17:29:00",
                                        "4713-01-01 00:00:00+00 BC",
                                        "294276-12-31 23:59:59.999999+00",
                                        "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
                                        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
                                        "{1,2}",
                                        "t",
                                        "f",
                                        std::string("a\0b", 3)};
  const std::vector<std::string> plain = {"7",
                                          "-12.50",
                                          "2016-11-30",
                                          "2016-11-30 17:29:00.25",
                                          "2016-11-30 17:29:00.25+00",
                                          "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"};
  for (const std::string& usual : plain) {
    std::vector<OwnedChange> changes;
    for (const std::string& text : odd) {
      for (int i = 0; i < 20; ++i) {
        changes.push_back(InsertOf(TwoColumns(), {Text(std::to_string(i)), Text(usual)}));
      }
      changes.push_back(InsertOf(TwoColumns(), {Text("1"), Text(text)}));
    }
    ExpectComesBack(OneTransaction(std::move(changes)));
  }
}

TEST(SegmentRoundTrip, SameInputSameBytes) {
  EXPECT_EQ(EncodeSegment(RepresentativeTransactions()),
            EncodeSegment(RepresentativeTransactions()));
}

TEST(SegmentRoundTrip, SeveralThreadsReadOneSegment) {
  std::vector<OwnedTransaction> transactions;
  for (uint32_t i = 1; i <= 2000; ++i) transactions.push_back(OrderTransaction(i));
  SegmentOptions options;
  options.block_changes = 50;
  const auto reader = OpenBytes(EncodeSegment(transactions, options)).value();
  std::array<size_t, 4> changes{};
  {
    std::vector<std::jthread> threads;
    for (size_t thread = 0; thread < changes.size(); ++thread) {
      threads.emplace_back([&, thread] {
        DecodedBlock block;
        for (size_t i = thread; i < reader->blocks().size(); i += changes.size()) {
          if (reader->ReadBlock(i, &block)) changes[thread] += block.changes().size();
        }
      });
    }
  }
  EXPECT_EQ(std::accumulate(changes.begin(), changes.end(), size_t{0}), reader->changes());
}

TEST(SegmentRoundTrip, BlocksBeyondMemoryWaitInAFile) {
  std::vector<OwnedTransaction> transactions;
  for (uint32_t i = 1; i <= 2000; ++i) transactions.push_back(OrderTransaction(i));
  SegmentOptions in_file;
  in_file.block_changes = 100;
  in_file.memory_bytes = 1000;
  SegmentOptions in_memory = in_file;
  in_memory.memory_bytes = 1 << 30;
  const std::string bytes = EncodeSegment(transactions, in_file);
  EXPECT_GT(bytes.size(), 4 * in_file.memory_bytes);
  EXPECT_EQ(bytes, EncodeSegment(transactions, in_memory));
  ExpectComesBack(transactions, in_file);
}

}  // namespace
}  // namespace trunkline
