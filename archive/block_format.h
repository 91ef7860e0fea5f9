// What the encoder and the decoder of a block agree on.
#pragma once

#include <cstdint>

namespace trunkline::block_format {

// Flags of a block.
inline constexpr uint8_t kFirstContinues = 1;  // the first slice's transaction began before
inline constexpr uint8_t kLastIsOpen = 2;      // the last slice's transaction ends later
inline constexpr uint8_t kAllFlags = kFirstContinues | kLastIsOpen;

}  // namespace trunkline::block_format
