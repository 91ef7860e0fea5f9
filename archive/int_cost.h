// What integers would cost in bits: order-0 entropy, which the entropy stage of zstd comes near.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace trunkline {

using Histogram = std::array<uint32_t, 256>;

// Bits of `count` symbols with these frequencies, a table of them included; never more than the
// symbols themselves.
double EntropyBits(const Histogram& histogram, size_t count);

// Bits of the byte planes of `codes`.
double PlaneBits(std::span<const uint64_t> codes);

// Bytes that `largest` needs: 0 to 8.
unsigned PlaneWidth(uint64_t largest);

}  // namespace trunkline
