// What the encoder and the decoder of a column agree on.
#pragma once

#include <cstdint>

namespace trunkline::column_format {

enum StoredState : uint8_t {
  kNull = 0,
  kUnchangedToast = 1,
  kTyped = 2,     // text in the column's encoding
  kVerbatim = 3,  // text that does not fit it
  kBinary = 4,
};

// The first byte of the typed values: their ValueType and this flag.
inline constexpr uint8_t kDictionary = 0x80;

}  // namespace trunkline::column_format
