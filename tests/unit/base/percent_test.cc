#include "base/percent.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace trunkline {
namespace {

using std::string_literals::operator""s;

TEST(Percent, KeepsWhatEveryStoreAcceptsAndEncodesTheRest) {
  EXPECT_EQ(PercentEncode("Order_items-2"), "Order_items-2");
  EXPECT_EQ(PercentEncode("a.b/c d%"), "a%2Eb%2Fc%20d%25");
  EXPECT_EQ(PercentEncode("Grüße"), "Gr%C3%BC%C3%9Fe");
  EXPECT_EQ(PercentEncode("\0\xFF"s), "%00%FF");
  EXPECT_EQ(PercentEncode(""), "");
}

TEST(Percent, DecodesBothCasesOfDigits) {
  EXPECT_EQ(*PercentDecode("%2f%2F"), "//");
  EXPECT_EQ(*PercentDecode("plain"), "plain");
}

TEST(Percent, RefusesWhatIsMalformed) {
  for (const char* text : {"%", "%2", "a%", "%G0", "%0G", "%%20", "%-1"}) {
    const auto name = PercentDecode(text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().kind, ErrorKind::kInvalidArgument);
  }
}

RC_GTEST_PROP(PercentProperty, EveryNameComesBack, (const std::string& name)) {
  const std::string text = PercentEncode(name);
  RC_ASSERT(text.find_first_of("./ \\:") == std::string::npos);
  RC_ASSERT(*PercentDecode(text) == name);
}

}  // namespace
}  // namespace trunkline
