// The constants of the segment format; docs/segment_format.md specifies it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trunkline::format {

// A byte that is not ASCII and both line ends: a transfer that mangles text is noticed.
inline constexpr std::string_view kMagic = "\x89TRKL\r\n\x1a";
inline constexpr std::string_view kEndMagic = "\x1a\n\rLKRT\x89";
inline constexpr uint32_t kVersion = 1;

inline constexpr size_t kMagicBytes = 8;
inline constexpr size_t kVersionBytes = 4;
inline constexpr size_t kSizeBytes = 4;
inline constexpr size_t kChecksumBytes = 8;
inline constexpr size_t kSha256Bytes = 32;
// Everything before the header's Protobuf message.
inline constexpr size_t kPreambleBytes = kMagicBytes + kVersionBytes + kSizeBytes;
// Footer size, footer checksum, digest, checksum of these three, magic.
inline constexpr size_t kTrailerBytes =
    kSizeBytes + kChecksumBytes + kSha256Bytes + kChecksumBytes + kMagicBytes;

// Limits, which the writer keeps and the reader insists on, so that no input makes a reader
// allocate without bound.
inline constexpr uint32_t kMaxHeaderBytes = 256 << 20;
inline constexpr uint32_t kMaxFooterBytes = 256 << 20;
inline constexpr uint64_t kMaxBlockChanges = 1 << 18;
inline constexpr uint64_t kMaxBlockSlices = 1 << 18;
inline constexpr uint64_t kMaxBlockCells = 1 << 21;  // columns of all tuples together
inline constexpr uint64_t kMaxColumns = 65'535;
// Values of one block: the largest message that Postgres can send, and the rows before it.
inline constexpr uint64_t kMaxBlockRawBytes = (1ull << 30) + (256ull << 20);
inline constexpr uint32_t kMaxBlockMetaBytes = 512 << 20;

}  // namespace trunkline::format
