#include <gmock/gmock.h>

#include <cstdlib>

#include "archive/aws_config.h"
#include "tests/s3_server/server.h"
#include "tests/support/files.h"

namespace trunkline {
namespace {

using testing::HasSubstr;

class AwsConfigTest : public testing::Test {
 protected:
  AwsConfigTest() {
    test::UseS3Credentials();
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    setenv("AWS_SHARED_CREDENTIALS_FILE", (folder_ / "credentials").c_str(), 1);
    setenv("AWS_CONFIG_FILE", (folder_ / "config").c_str(), 1);
  }
  ~AwsConfigTest() override { test::UseS3Credentials(); }

  void Write(const std::string& file, const std::string& content) const {
    test::WriteFile(folder_ / file, content);
  }
  static ErrorKind Refusal() {
    const auto credentials = LoadAwsCredentials();
    EXPECT_FALSE(credentials);
    return credentials ? ErrorKind::kFailed : credentials.error().kind;
  }

  test::TempFolder folder_;
};

TEST_F(AwsConfigTest, TheEnvironmentWins) {
  Write("credentials", "[default]\naws_access_key_id = file\naws_secret_access_key = file\n");
  setenv("AWS_ACCESS_KEY_ID", "key", 1);
  setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
  setenv("AWS_SESSION_TOKEN", "token", 1);
  const auto credentials = LoadAwsCredentials();
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->access_key_id, "key");
  EXPECT_EQ(credentials->secret_access_key, "secret");
  EXPECT_EQ(credentials->session_token, "token");
}

TEST_F(AwsConfigTest, TheProfileIsReadFromBothFiles) {
  Write("credentials",
        "# mine\n[other]\naws_access_key_id=no\n\n[ work ]\r\naws_access_key_id = key\r\n"
        "aws_secret_access_key=a/b+c=\r\n");
  Write("config",
        "[default]\nregion = no\n[profile work]\nregion = eu-west-1\n"
        "s3 =\n  endpoint_url = nested\nendpoint_url = http://host:1\nca_bundle = /ca.pem\n");
  setenv("AWS_PROFILE", "work", 1);
  const auto credentials = LoadAwsCredentials();
  ASSERT_TRUE(credentials) << credentials.error().ToString();
  EXPECT_EQ(credentials->access_key_id, "key");
  EXPECT_EQ(credentials->secret_access_key, "a/b+c=");
  const auto settings = LoadAwsSettings();
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->region, "eu-west-1");
  EXPECT_EQ(settings->endpoint, "http://host:1");
  EXPECT_EQ(settings->ca_bundle, "/ca.pem");
}

TEST_F(AwsConfigTest, VariablesWinOverTheProfile) {
  Write("config", "[default]\nregion = no\nendpoint_url = no\n");
  setenv("AWS_DEFAULT_REGION", "second", 1);
  setenv("AWS_ENDPOINT_URL", "http://second", 1);
  EXPECT_EQ(LoadAwsSettings()->region, "second");
  EXPECT_EQ(LoadAwsSettings()->endpoint, "http://second");
  setenv("AWS_REGION", "first", 1);
  setenv("AWS_ENDPOINT_URL_S3", "http://first", 1);
  EXPECT_EQ(LoadAwsSettings()->region, "first");
  EXPECT_EQ(LoadAwsSettings()->endpoint, "http://first");
}

TEST_F(AwsConfigTest, SaysWhatIsMissing) {
  EXPECT_EQ(Refusal(), ErrorKind::kDenied);
  EXPECT_THAT(LoadAwsCredentials().error().hint, HasSubstr("AWS_ACCESS_KEY_ID"));
  setenv("AWS_ACCESS_KEY_ID", "half", 1);
  EXPECT_EQ(Refusal(), ErrorKind::kDenied);
  unsetenv("AWS_ACCESS_KEY_ID");
  setenv("AWS_PROFILE", "nowhere", 1);
  EXPECT_EQ(Refusal(), ErrorKind::kNotFound);
}

TEST_F(AwsConfigTest, SaysWhatIsNotSupported) {
  Write("config", "[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = y\n");
  EXPECT_EQ(Refusal(), ErrorKind::kUnsupported);
  EXPECT_THAT(LoadAwsCredentials().error().ToString(), HasSubstr("role_arn"));
  Write("config", "");
  setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/token", 1);
  EXPECT_EQ(Refusal(), ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace trunkline
