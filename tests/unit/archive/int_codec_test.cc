#include "archive/int_codec.h"

#include <gtest/gtest.h>
// Needs gtest before it.
#include <rapidcheck/gtest.h>

namespace trunkline {
namespace {

std::string Encode(const std::vector<int64_t>& values, const IntContext& context = {}) {
  StreamWriter stream(3);
  EncodeInts(values, context, &stream);
  std::string block;
  stream.Finish(&block);
  return block;
}

std::vector<int64_t> Decode(const std::string& block, size_t count,
                            const IntContext& context = {}) {
  BlockArena arena;
  const auto zstd = NewDecompressor();
  StreamReader stream(&arena, zstd.get());
  IntScratch scratch;
  std::vector<int64_t> values;
  EXPECT_TRUE(stream.Open(block));
  EXPECT_TRUE(DecodeInts(&stream, count, context, &scratch, &values));
  EXPECT_TRUE(stream.ExpectEnd());
  return values;
}

void ExpectIntsComeBack(const std::vector<int64_t>& values) {
  EXPECT_EQ(Decode(Encode(values), values.size()), values);
}

template <typename Get>
std::vector<int64_t> Sequence(size_t count, const Get& get) {
  std::vector<int64_t> values;
  for (size_t i = 0; i < count; ++i) values.push_back(get(static_cast<int64_t>(i)));
  return values;
}

TEST(IntCodec, Limits) {
  ExpectIntsComeBack({});
  ExpectIntsComeBack({INT64_MIN});
  ExpectIntsComeBack({INT64_MIN, INT64_MAX});
  ExpectIntsComeBack({INT64_MAX, INT64_MIN, 0, -1, 1});
}

TEST(IntCodec, ConstantsAndSequencesCostNothing) {
  constexpr size_t kEmptyBlock = 8;
  EXPECT_LE(Encode(Sequence(60'000, [](int64_t) { return 1234567; })).size(), kEmptyBlock + 8);
  EXPECT_LE(Encode(Sequence(60'000, [](int64_t i) { return 1'000'000 + 3 * i; })).size(),
            kEmptyBlock + 12);
}

TEST(IntCodec, FewDistinctValuesCostTheirEntropy) {
  // Two bits' worth, however large the values are.
  const auto values = Sequence(60'000, [](int64_t i) {
    const int64_t kinds[] = {17, 1LL << 60, -99, 123'456'789'000};
    return kinds[(static_cast<uint64_t>(i * i) * 2654435761u >> 7) & 3];
  });
  EXPECT_LE(Encode(values).size(), 60'000 / 4 + 200);
  ExpectIntsComeBack(values);
}

TEST(IntCodec, CommonUnitIsTakenOut) {
  // Seconds of a day, in microseconds.
  const auto values = Sequence(
      20'000, [](int64_t i) { return 533'000'000'000'000 + (i * i * 48271 % 256) * 1'000'000; });
  EXPECT_LE(Encode(values).size(), 20'000 + 200);
  ExpectIntsComeBack(values);
}

TEST(IntCodec, TimesAreOffsetsFromTheirTransaction) {
  // Three rows a transaction, all with now(), which is random within 200 us of the commit.
  constexpr size_t kTransactions = 5000;
  const auto commits =
      Sequence(kTransactions, [](int64_t i) { return i * i * 7919 % 1'000'000'007; });
  std::vector<int64_t> times;
  std::vector<uint32_t> slices;
  for (uint32_t i = 0; i < kTransactions; ++i) {
    const int64_t now = commits[i] - static_cast<int64_t>(i * 40503ull * i % 200);
    for (int row = 0; row < 3; ++row) {
      times.push_back(now);
      slices.push_back(i);
    }
  }
  TransactionClock clock(commits);
  const std::string block = Encode(times, {&clock, slices});
  EXPECT_LE(block.size(), kTransactions * 2);
  TransactionClock own(commits);
  EXPECT_EQ(Decode(block, times.size(), {&own, slices}), times);
}

RC_GTEST_PROP(IntCodec, AnythingComesBack, (const std::vector<int64_t>& values)) {
  RC_ASSERT(Decode(Encode(values), values.size()) == values);
}

RC_GTEST_PROP(IntCodec, LongSequencesComeBack, (uint32_t seed)) {
  const auto spread = *rc::gen::inRange(0, 64);
  const auto count = *rc::gen::inRange<size_t>(0, 5000);
  uint64_t state = seed;
  const auto values = Sequence(count, [&](int64_t i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int64_t>(state >> spread) + i * (seed % 3);
  });
  RC_ASSERT(Decode(Encode(values), values.size()) == values);
}

}  // namespace
}  // namespace trunkline
