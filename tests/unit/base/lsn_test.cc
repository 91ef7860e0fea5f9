#include "base/lsn.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace trunkline {
namespace {

TEST(Lsn, PrintsAsPostgresDoes) {
  EXPECT_EQ(Lsn{}.ToString(), "0/0");
  EXPECT_EQ(Lsn{0x16B3748}.ToString(), "0/16B3748");
  EXPECT_EQ(Lsn{0x16B374D848}.ToString(), "16/B374D848");
  EXPECT_EQ(Lsn{0xFFFFFFFFFFFFFFFF}.ToString(), "FFFFFFFF/FFFFFFFF");
}

TEST(Lsn, ParsesWhatPgLsnAccepts) {
  EXPECT_EQ(Lsn::Parse("0/0")->value, 0U);
  EXPECT_EQ(Lsn::Parse("16/B374D848")->value, 0x16B374D848U);
  EXPECT_EQ(Lsn::Parse("16/b374d848")->value, 0x16B374D848U);
  EXPECT_EQ(Lsn::Parse("00000016/00000001")->value, 0x1600000001U);
  EXPECT_EQ(Lsn::Parse("FFFFFFFF/FFFFFFFF")->value, 0xFFFFFFFFFFFFFFFFU);
}

TEST(Lsn, RefusesAllElse) {
  for (const char* text : {"", "/", "0", "0/", "/0", "0/0/0", "000000000/0", "0/000000000", "-1/0",
                           "0/-1", "+1/0", " 0/0", "0/0 ", "0x1/0", "G/0", "0/G", "latest"}) {
    const auto lsn = Lsn::Parse(text);
    ASSERT_FALSE(lsn) << text;
    EXPECT_EQ(lsn.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_FALSE(lsn.error().hint.empty());
  }
}

TEST(Lsn, SixteenDigitsSortAsTheLsnsDo) {
  EXPECT_EQ(Lsn{0x16B374D848}.ToHex16(), "00000016B374D848");
  EXPECT_EQ(Lsn::FromHex16("00000016B374D848")->value, 0x16B374D848U);
  for (const char* text : {"", "16B374D848", "00000016b374d848", "000000016B374D848",
                           "00000016/374D848", "-0000016B374D848", "00000016B374D84G"}) {
    EXPECT_FALSE(Lsn::FromHex16(text)) << text;
  }
}

RC_GTEST_PROP(LsnProperty, BothFormsComeBackAndSort, (uint64_t a, uint64_t b)) {
  RC_ASSERT(Lsn::Parse(Lsn{a}.ToString())->value == a);
  RC_ASSERT(Lsn::FromHex16(Lsn{a}.ToHex16())->value == a);
  RC_ASSERT((Lsn{a} < Lsn{b}) == (Lsn{a}.ToHex16() < Lsn{b}.ToHex16()));
}

}  // namespace
}  // namespace trunkline
