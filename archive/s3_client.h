// S3Client: signed requests to one bucket, and what its server's answers mean.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/aws_config.h"
#include "archive/http_client.h"
#include "archive/s3_address.h"
#include "archive/s3_signer.h"

namespace trunkline {

struct S3Request {
  std::string method = "GET";
  std::string key{};  // of an object; empty for the bucket itself
  QueryParameters query{};
  std::vector<std::pair<std::string, std::string>> headers{};  // further ones; names in lower case
  const ByteSource* body = nullptr;                            // as in HttpRequest
  uint64_t body_offset = 0;
  uint64_t body_bytes = 0;
  std::string body_sha256{};  // hexadecimal; with a body
  std::span<char> into{};     // as in HttpRequest
};

// Safe to call from several threads.
class S3Client {
 public:
  S3Client(S3Address address, std::string ca_bundle);

  const S3Address& address() const { return address_; }

  // The server's answer, whatever its status; errors as HttpClient and LoadAwsCredentials have
  // them. Credentials are loaded at first, and again after the server has refused them.
  Result<HttpResponse> Send(const S3Request& request) const;

 private:
  Result<AwsCredentials> Credentials() const;

  const S3Address address_;
  const HttpClient http_;
  mutable std::mutex mutex_;
  mutable std::optional<AwsCredentials> credentials_;
};

// What an answer without success means: kUnavailable where another attempt may succeed, kDenied
// where rights or keys are wrong, kNotFound for a bucket, object or upload that is not there.
// `what` says what was tried: "cannot read s3://bucket/key".
Error S3Failure(const HttpResponse& response, std::string_view what, const S3Address& address);

}  // namespace trunkline
