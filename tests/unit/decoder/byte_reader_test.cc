#include "decoder/byte_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace trunkline {
namespace {

using std::string_literals::operator""s;

TEST(ByteReader, ReadsBigEndianFieldsInOrder) {
  const std::string bytes = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\x0D\x0E\x0Fname\0xy"s;
  ByteReader in(bytes);
  EXPECT_EQ(in.ReadU8(), 0x01);
  EXPECT_EQ(in.ReadU16(), 0x0203);
  EXPECT_EQ(in.ReadU32(), 0x04050607U);
  EXPECT_EQ(in.ReadU64(), 0x08090A0B0C0D0E0FU);
  EXPECT_EQ(in.ReadCString(), "name");
  EXPECT_EQ(in.ReadBytes(2), "xy");
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_TRUE(in.ok());
}

TEST(ByteReader, KeepsHighBitsAndEmptyFields) {
  const std::string bytes = "\xFF\xFE\0"s;
  ByteReader in(bytes);
  EXPECT_EQ(in.ReadU16(), 0xFFFE);
  EXPECT_EQ(in.ReadCString(), "");
  EXPECT_EQ(in.ReadBytes(0), "");
  EXPECT_TRUE(in.ok());
}

TEST(ByteReader, RemembersTheFirstReadPastTheEndAndYieldsNothingAfter) {
  ByteReader in("abc");
  EXPECT_EQ(in.ReadU8(), 'a');
  EXPECT_EQ(in.ReadU32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_STREQ(in.problem(), "ends early");
  EXPECT_EQ(in.offset(), 1U);
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_EQ(in.ReadU8(), 0);
  EXPECT_EQ(in.ReadBytes(1), "");
  in.Reject("something else");
  EXPECT_STREQ(in.problem(), "ends early");
}

TEST(ByteReader, NeedsTheNulOfAString) {
  ByteReader in("abc");
  EXPECT_EQ(in.ReadCString(), "");
  EXPECT_FALSE(in.ok());
  ByteReader empty("");
  EXPECT_EQ(empty.ReadCString(), "");
  EXPECT_FALSE(empty.ok());
}

TEST(ByteReader, ASizeNearTheLargestDoesNotWrapAround) {
  ByteReader in("abc");
  EXPECT_EQ(in.ReadBytes(static_cast<size_t>(-1)), "");
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace trunkline
