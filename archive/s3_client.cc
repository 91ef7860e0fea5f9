#include "archive/s3_client.h"

#include <chrono>
#include <ctime>
#include <map>

namespace trunkline {
namespace {

// The SHA-256 of nothing.
constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string TimeNow() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts));
}

// Amazon answers 400 to credentials that have expired.
bool MayBeRefused(int status) { return status == 400 || status == 401 || status == 403; }

}  // namespace

S3Client::S3Client(S3Address address, std::string ca_bundle)
    : address_(std::move(address)), http_(std::move(ca_bundle)) {}

Result<AwsCredentials> S3Client::Credentials() const {
  const std::lock_guard lock(mutex_);
  if (!credentials_) {
    ASSIGN_OR_RETURN(credentials_, LoadAwsCredentials());
  }
  return *credentials_;
}

Result<HttpResponse> S3Client::Send(const S3Request& request) const {
  ASSIGN_OR_RETURN(const AwsCredentials credentials, Credentials());
  SignableRequest signable{request.method,
                           address_.PathOf(request.key),
                           CanonicalQuery(request.query),
                           {},
                           request.body_sha256};
  if (request.body == nullptr) signable.payload_sha256 = kEmptySha256;
  const std::string time = TimeNow();
  signable.headers = {request.headers.begin(), request.headers.end()};
  signable.headers["host"] = address_.host;
  signable.headers["x-amz-content-sha256"] = signable.payload_sha256;
  signable.headers["x-amz-date"] = time;
  if (!credentials.session_token.empty()) {
    signable.headers["x-amz-security-token"] = credentials.session_token;
  }

  HttpRequest http;
  http.method = request.method;
  http.url = address_.scheme + "://" + address_.host + signable.path;
  if (!signable.query.empty()) http.url += "?" + signable.query;
  for (const auto& [name, value] : signable.headers) http.headers.push_back(name + ": " + value);
  http.headers.push_back("Authorization: " +
                         Authorization(signable, credentials, address_.region, time));
  http.body = request.body;
  http.body_offset = request.body_offset;
  http.body_bytes = request.body_bytes;
  http.into = request.into;
  Result<HttpResponse> response = http_.Send(http);
  if (response && MayBeRefused(response->status)) {
    const std::lock_guard lock(mutex_);
    credentials_.reset();
  }
  return response;
}

}  // namespace trunkline
