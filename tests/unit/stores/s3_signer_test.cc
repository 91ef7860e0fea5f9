#include "archive/s3_signer.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

// The examples of "Authenticating Requests: Using the Authorization Header" in Amazon's manual of
// S3.
class SignatureTest : public testing::Test {
 protected:
  SignatureTest() {
    request_.method = "GET";
    request_.headers = {{"host", "examplebucket.s3.amazonaws.com"},
                        {"x-amz-content-sha256", kEmpty},
                        {"x-amz-date", kTime}};
    request_.payload_sha256 = kEmpty;
  }

  std::string Signature() const {
    const std::string header = Authorization(
        request_, {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""},
        "us-east-1", kTime);
    return header.substr(header.rfind('=') + 1);
  }

  static constexpr const char* kTime = "20130524T000000Z";
  static constexpr const char* kEmpty =
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  SignableRequest request_;
};

TEST_F(SignatureTest, OfARangeOfAnObject) {
  request_.path = "/test.txt";
  request_.headers["range"] = "bytes=0-9";
  EXPECT_EQ(Signature(), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(SignatureTest, OfAnUpload) {
  request_.method = "PUT";
  request_.path = UriEncode("/test$file.text", true);
  request_.payload_sha256 = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
  request_.headers["x-amz-content-sha256"] = request_.payload_sha256;
  request_.headers["date"] = "Fri, 24 May 2013 00:00:00 GMT";
  request_.headers["x-amz-storage-class"] = "REDUCED_REDUNDANCY";
  EXPECT_EQ(Signature(), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_F(SignatureTest, OfAParameterWithoutAValue) {
  request_.path = "/";
  request_.query = CanonicalQuery({{"lifecycle", ""}});
  EXPECT_EQ(Signature(), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST_F(SignatureTest, OfAListing) {
  request_.path = "/";
  request_.query = CanonicalQuery({{"prefix", "J"}, {"max-keys", "2"}});
  EXPECT_EQ(Signature(), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(UriEncodeTest, LeavesTheUnreservedAlone) {
  EXPECT_EQ(UriEncode("aZ09-._~", false), "aZ09-._~");
  EXPECT_EQ(UriEncode("a/b c+d%2F\xC3\xA4", false), "a%2Fb%20c%2Bd%252F%C3%A4");
  EXPECT_EQ(UriEncode("a/b", true), "a/b");
}

TEST(UriEncodeTest, SortsAQueryAsItIsEncoded) {
  EXPECT_EQ(CanonicalQuery({{"b", "2"}, {"a b", "x/y"}, {"a", "1"}}), "a=1&a%20b=x%2Fy&b=2");
  EXPECT_EQ(CanonicalQuery({}), "");
}

}  // namespace
}  // namespace trunkline
