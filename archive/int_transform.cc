#include "archive/int_transform.h"

#include <utility>

namespace trunkline {
namespace {

// As if each value were noted once it is encoded.
void AppendNowOffsets(std::span<const int64_t> values, const TransactionClock* clock,
                      std::span<const uint32_t> slices, std::vector<int64_t>* out) {
  int64_t now = 0;
  bool noted = false;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i == 0 || slices[i] != slices[i - 1]) {
      now = clock->now(slices[i]);
      noted = clock->noted(slices[i]);
    }
    out->push_back(WrapSubtract(values[i], now));
    if (!noted) now = values[i];
    noted = true;
  }
}

}  // namespace

TransactionClock::TransactionClock(std::vector<int64_t> commit_times)
    : commit_times_(std::move(commit_times)), now_(commit_times_), noted_(now_.size(), 0) {}

int64_t DeltaSeed(std::span<const int64_t> values) {
  const int64_t second = values.size() > 1 ? WrapSubtract(values[1], values[0]) : 0;
  return values.empty() ? 0 : WrapSubtract(values[0], second);
}

void AppendResiduals(IntTransform transform, std::span<const int64_t> values, size_t first,
                     size_t count, const IntContext& context, std::vector<int64_t>* out) {
  const size_t end = first + count;
  switch (transform) {
    case IntTransform::kNone:
      out->insert(out->end(), values.begin() + static_cast<ptrdiff_t>(first),
                  values.begin() + static_cast<ptrdiff_t>(end));
      break;
    case IntTransform::kDelta:
      for (size_t i = first; i < end; ++i) {
        out->push_back(WrapSubtract(values[i], i > 0 ? values[i - 1] : DeltaSeed(values)));
      }
      break;
    case IntTransform::kCommitOffset:
      for (size_t i = first; i < end; ++i) {
        out->push_back(WrapSubtract(values[i], context.clock->commit_time(context.slices[i])));
      }
      break;
    case IntTransform::kNowOffset:
      AppendNowOffsets(values.subspan(first, count), context.clock,
                       context.slices.subspan(first, count), out);
      break;
  }
}

void NoteTimes(IntTransform transform, std::span<const int64_t> values, const IntContext& context) {
  if (!UsesClock(transform)) return;
  for (size_t i = 0; i < values.size(); ++i) context.clock->Note(context.slices[i], values[i]);
}

void RestoreValues(IntTransform transform, int64_t seed, const IntContext& context,
                   std::span<int64_t> values) {
  switch (transform) {
    case IntTransform::kNone:
      break;
    case IntTransform::kDelta:
      for (int64_t& value : values) seed = value = WrapAdd(value, seed);
      break;
    case IntTransform::kCommitOffset:
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = WrapAdd(values[i], context.clock->commit_time(context.slices[i]));
        context.clock->Note(context.slices[i], values[i]);
      }
      break;
    case IntTransform::kNowOffset:
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = WrapAdd(values[i], context.clock->now(context.slices[i]));
        context.clock->Note(context.slices[i], values[i]);
      }
      break;
  }
}

}  // namespace trunkline
