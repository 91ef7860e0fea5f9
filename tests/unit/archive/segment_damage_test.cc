// Every flipped byte and every cut is seen.
#include <gtest/gtest.h>

#include "archive/segment_format.h"
#include "tests/unit/archive/recorded_transactions.h"

namespace trunkline {
namespace {

using namespace test;

// Small, of several blocks, with everything in it.
std::string SmallSegment() {
  SegmentOptions options;
  options.block_changes = 6;
  return EncodeSegment(RepresentativeTransactions(), options);
}

TEST(SegmentDamage, EveryFlippedByteIsDetected) {
  const std::string sound = SmallSegment();
  ASSERT_TRUE(DecodeSegment(sound));
  for (size_t i = 0; i < sound.size(); ++i) {
    for (const char mask : {'\x01', '\x80', '\xff'}) {
      std::string damaged = sound;
      damaged[i] = static_cast<char>(damaged[i] ^ mask);
      const auto read = DecodeSegment(damaged);
      ASSERT_FALSE(read) << "byte " << i << " of " << sound.size();
      // Another version cannot be told from a damaged one.
      const bool in_version =
          i >= format::kMagicBytes && i < format::kMagicBytes + format::kVersionBytes;
      EXPECT_EQ(read.error().kind, in_version ? ErrorKind::kUnsupported : ErrorKind::kCorrupt) << i;
    }
  }
}

TEST(SegmentDamage, EveryCutIsATornTail) {
  const std::string sound = SmallSegment();
  for (size_t length = 0; length < sound.size(); ++length) {
    const auto read = OpenBytes(sound.substr(0, length));
    ASSERT_FALSE(read) << length;
    EXPECT_EQ(read.error().kind, ErrorKind::kTruncated) << length;
  }
}

TEST(SegmentDamage, BytesAfterTheEndAreDetected) {
  EXPECT_FALSE(OpenBytes(SmallSegment() + "x"));
  EXPECT_FALSE(OpenBytes(SmallSegment() + SmallSegment()));
}

TEST(SegmentDamage, OtherFilesAreNotSegments) {
  for (const std::string& bytes :
       {std::string("PGDMP\1\2"), std::string(1000, '\0'), std::string("{}")}) {
    const auto read = OpenBytes(bytes);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
    EXPECT_EQ(read.error().message, "test.seg: not a segment");
  }
}

TEST(SegmentDamage, UnknownVersionsAreRefused) {
  std::string bytes = SmallSegment();
  bytes[format::kMagicBytes] = 2;
  const auto read = OpenBytes(bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(read.error().ToString(),
            "test.seg: segment of format version 2 (this program reads version 1)");
}

TEST(SegmentDamage, DigestCoversEveryByteBeforeTheTrailer) {
  const std::string sound = SmallSegment();
  const auto reader = OpenBytes(sound);
  EXPECT_TRUE((*reader)->CheckDigest());
  // A block is not read by Open, so the digest alone can tell.
  std::string damaged = sound;
  damaged[(*reader)->blocks().front().offset] ^= 1;
  const auto opened = OpenBytes(damaged);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->CheckDigest().error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace trunkline
