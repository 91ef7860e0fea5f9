#include "archive/int_cost.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace trunkline {
namespace {

constexpr double kTableBitsPerSymbol = 4;

}  // namespace

double EntropyBits(const Histogram& histogram, size_t count) {
  double bits = 0;
  unsigned distinct = 0;
  const auto total = static_cast<double>(count);
  for (const uint32_t frequency : histogram) {
    if (frequency == 0) continue;
    ++distinct;
    bits += frequency * std::log2(total / frequency);
  }
  return distinct < 2 ? 0 : std::min(bits + distinct * kTableBitsPerSymbol, total * 8);
}

double PlaneBits(std::span<const uint64_t> codes) {
  uint64_t any = 0;
  for (const uint64_t code : codes) any |= code;
  double bits = 0;
  for (unsigned plane = 0; plane < PlaneWidth(any); ++plane) {
    Histogram histogram{};
    for (const uint64_t code : codes) ++histogram[(code >> (8 * plane)) & 0xff];
    bits += EntropyBits(histogram, codes.size());
  }
  return bits;
}

unsigned PlaneWidth(uint64_t largest) {
  return (static_cast<unsigned>(std::bit_width(largest)) + 7) / 8;
}

}  // namespace trunkline
