#include "archive/s3_address.h"

#include <gmock/gmock.h>

namespace trunkline {
namespace {

using testing::HasSubstr;
using testing::Not;

S3Address Parsed(const std::string& url, const AwsSettings& settings = {}) {
  auto address = ParseS3Address(url, settings);
  EXPECT_TRUE(address) << (address ? "" : address.error().ToString());
  return address ? *address : S3Address();
}

TEST(S3AddressTest, AmazonHasTheBucketInTheHostsName) {
  const S3Address address = Parsed("s3://bucket/a/b/?region=eu-west-1");
  EXPECT_EQ(address.scheme, "https");
  EXPECT_EQ(address.host, "bucket.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(address.prefix, "a/b/");
  EXPECT_EQ(address.PathOf("a/b/c%2E.seg"), "/a/b/c%252E.seg");
  EXPECT_EQ(address.PathOf(""), "/");
  EXPECT_EQ(Parsed("s3://bucket").host, "bucket.s3.us-east-1.amazonaws.com");
  EXPECT_EQ(Parsed("s3://bucket").prefix, "");
  EXPECT_EQ(Parsed("s3://b", {"cn-north-1", "", ""}).host, "b.s3.cn-north-1.amazonaws.com.cn");
}

TEST(S3AddressTest, AmazonsCertificateDoesNotCoverABucketWithDots) {
  const S3Address address = Parsed("s3://my.bucket/x");
  EXPECT_EQ(address.host, "s3.us-east-1.amazonaws.com");
  EXPECT_EQ(address.PathOf("x/y"), "/my.bucket/x/y");
}

TEST(S3AddressTest, OtherServersHaveItInThePath) {
  const S3Address address = Parsed("s3://master.orders.shop/archive?endpoint=http://pachd:30600/");
  EXPECT_EQ(address.scheme, "http");
  EXPECT_EQ(address.host, "pachd:30600");
  EXPECT_EQ(address.PathOf("archive/identity"), "/master.orders.shop/archive/identity");
  EXPECT_EQ(address.PathOf(""), "/master.orders.shop");
  const S3Address gateway = Parsed("s3://b?endpoint=https%3A%2F%2Fgate%3A443%2Fs3");
  EXPECT_EQ(gateway.host, "gate") << "as the Host header has it";
  EXPECT_EQ(gateway.PathOf("k"), "/s3/b/k");
  EXPECT_EQ(Parsed("s3://b?endpoint=http://[::1]:9000").host, "[::1]:9000");
  EXPECT_EQ(Parsed("s3://b?endpoint=http://host:9000&path-style=false").host, "b.host:9000");
}

TEST(S3AddressTest, TheAddressWinsOverTheSettings) {
  const AwsSettings settings{"eu-west-1", "http://settings:1", ""};
  EXPECT_EQ(Parsed("s3://b", settings).host, "settings:1");
  EXPECT_EQ(Parsed("s3://b", settings).region, "eu-west-1");
  EXPECT_EQ(Parsed("s3://b?endpoint=http://own:2&region=r", settings).host, "own:2");
  EXPECT_EQ(Parsed("s3://b?endpoint=http://own:2&region=r", settings).region, "r");
}

TEST(S3AddressTest, RefusesWhatItDoesNotUnderstandWithoutRepeatingIt) {
  for (const char* url :
       {"s3://", "s3:///prefix", "s3://hidden@bucket/x", "s3://key:hidden@bucket/x",
        "s3://bucket/a//b", "s3://bucket/../hidden", "s3://bucket/%zzhidden",
        "s3://bucket?secret-key=hidden", "s3://bucket?endpoint=", "s3://bucket?endpoint",
        "s3://bucket?endpoint=hidden:9000", "s3://bucket?endpoint=ftp://hidden",
        "s3://bucket?endpoint=http://user:hidden@host", "s3://bucket?endpoint=http://",
        "s3://bucket?endpoint=http://host/?hidden", "s3://bucket?region=a%0d%0ahidden",
        "s3://bucket?region=a&region=hidden", "s3://bucket?path-style=hidden"}) {
    const auto address = ParseS3Address(url, {});
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().kind, ErrorKind::kInvalidArgument) << url;
    EXPECT_NE(address.error().hint, "") << url;
    EXPECT_THAT(address.error().ToString(), Not(HasSubstr("hidden"))) << url;
  }
}

}  // namespace
}  // namespace trunkline
