// AWS Signature Version 4, as S3 has it: the Authorization header of a request, and what else has
// to be computed for one. libcurl can sign, too, but up to 8.x encodes paths and sorts queries in
// ways that servers refuse.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/aws_config.h"

namespace trunkline {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

struct SignableRequest {
  std::string method;
  std::string path;                            // percent-encoded by UriEncode
  std::string query;                           // made by CanonicalQuery
  std::map<std::string, std::string> headers;  // all that are to be signed; names in lower case
  std::string payload_sha256;                  // hexadecimal
};

// Percent-encodes all but letters, digits and "-._~", and '/' unless `keep_slashes`.
std::string UriEncode(std::string_view text, bool keep_slashes);
// Sorted and percent-encoded; also the query to send.
std::string CanonicalQuery(QueryParameters parameters);
// The value of the Authorization header. `time` is also that of the header x-amz-date:
// 20130524T000000Z.
std::string Authorization(const SignableRequest& request, const AwsCredentials& credentials,
                          const std::string& region, const std::string& time);

// Lower-case hexadecimal.
std::string Hex(std::string_view bytes);

}  // namespace trunkline
