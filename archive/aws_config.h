// Where the AWS SDKs look for settings and credentials: the environment, then ~/.aws/config and
// ~/.aws/credentials.
#pragma once

#include <string>

#include "base/error.h"

namespace trunkline {

// Empty where nobody says.
struct AwsSettings {
  std::string region;
  std::string endpoint;   // a URL
  std::string ca_bundle;  // a file of certificates to trust
};

struct AwsCredentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // of temporary credentials, else empty
};

// AWS_REGION or AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_CA_BUNDLE; what
// they leave open, from the profile AWS_PROFILE ("default"). kNotFound when there is no such
// profile.
Result<AwsSettings> LoadAwsSettings();

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, else those of the profile. Looks
// again at each call, as programs that renew credentials write the file anew. kDenied when there
// are none, kUnsupported when there are only such as must be asked for (roles, single sign-on).
Result<AwsCredentials> LoadAwsCredentials();

}  // namespace trunkline
