// Transforms of an integer sequence into residuals that are smaller or rarer, and back.
// All arithmetic wraps, so that every sequence comes back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trunkline {

// What the encoder and the decoder both know of a block's transactions when they come to a column
// of timestamps: most are near the commit, and now() is the same for all of a transaction.
class TransactionClock {
 public:
  // Commit times of the block's slices.
  explicit TransactionClock(std::vector<int64_t> commit_times);

  int64_t commit_time(uint32_t slice) const { return commit_times_[slice]; }
  // The first timestamp noted for the transaction; its commit time before that.
  int64_t now(uint32_t slice) const { return now_[slice]; }
  bool noted(uint32_t slice) const { return noted_[slice] != 0; }
  void Note(uint32_t slice, int64_t time) {
    if (noted_[slice]) return;
    noted_[slice] = true;
    now_[slice] = time;
  }

 private:
  std::vector<int64_t> commit_times_;
  std::vector<int64_t> now_;
  std::vector<char> noted_;
};

// For timestamps: the clock, and for each value the slice it belongs to, in rising order. Else
// empty.
struct IntContext {
  TransactionClock* clock = nullptr;
  std::span<const uint32_t> slices;
};

enum class IntTransform : uint8_t {
  kNone = 0,
  kDelta = 1,         // from the value before; the first from a seed
  kCommitOffset = 2,  // from the transaction's commit time
  kNowOffset = 3,     // from the transaction's first noted timestamp, or else the commit time
};

constexpr bool UsesClock(IntTransform transform) {
  return transform == IntTransform::kCommitOffset || transform == IntTransform::kNowOffset;
}

constexpr int64_t WrapAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
constexpr int64_t WrapSubtract(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

// The seed of a delta: such that the first residual is like the second.
int64_t DeltaSeed(std::span<const int64_t> values);

// Appends to `out` the residuals of values[first, first + count) within the whole sequence.
void AppendResiduals(IntTransform transform, std::span<const int64_t> values, size_t first,
                     size_t count, const IntContext& context, std::vector<int64_t>* out);

// Notes values that were encoded by a transform that uses the clock.
void NoteTimes(IntTransform transform, std::span<const int64_t> values, const IntContext& context);

// Turns residuals into values, in place, and notes them like NoteTimes.
void RestoreValues(IntTransform transform, int64_t seed, const IntContext& context,
                   std::span<int64_t> values);

}  // namespace trunkline
