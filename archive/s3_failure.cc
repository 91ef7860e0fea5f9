// What a server's refusals mean, by status and S3 error code.
#include <algorithm>
#include <array>

#include "archive/s3_client.h"
#include "archive/s3_xml.h"

namespace trunkline {
namespace {

struct Meaning {
  std::string_view code;
  ErrorKind kind;
  std::string_view hint;
};

constexpr std::string_view kCredentialsHint =
    "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile in ~/.aws/credentials";

// Codes that mean something else than their status, or of which there is more to say.
constexpr std::array kMeanings = {
    Meaning{"NoSuchBucket", ErrorKind::kNotFound, "create the bucket; this program creates none"},
    Meaning{"NoSuchUpload", ErrorKind::kUnavailable,
            "somebody removed an unfinished upload; it is begun again"},
    Meaning{"InvalidAccessKeyId", ErrorKind::kDenied, kCredentialsHint},
    Meaning{"SignatureDoesNotMatch", ErrorKind::kDenied,
            "the secret key is not that of the access key, or a proxy changes requests"},
    Meaning{"ExpiredToken", ErrorKind::kDenied, "renew the temporary credentials"},
    Meaning{"InvalidToken", ErrorKind::kDenied,
            "AWS_SESSION_TOKEN must be of the same credentials as the keys"},
    Meaning{"AccessDenied", ErrorKind::kDenied,
            "the keys need s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject, "
            "s3:DeleteObject and s3:AbortMultipartUpload on its objects"},
    Meaning{"RequestTimeTooSkewed", ErrorKind::kUnavailable,
            "this machine's clock and the server's are more than 15 minutes apart"},
    Meaning{"RequestTimeout", ErrorKind::kUnavailable, ""},
    Meaning{"BadDigest", ErrorKind::kUnavailable, "the upload was damaged on its way, and refused"},
    Meaning{"XAmzContentSHA256Mismatch", ErrorKind::kUnavailable,
            "the upload was damaged on its way, and refused"},
    Meaning{"IncompleteBody", ErrorKind::kUnavailable, ""},
    Meaning{"QuotaExceeded", ErrorKind::kUnavailable, "the bucket is full"},
    Meaning{"XMinioAdminBucketQuotaExceeded", ErrorKind::kUnavailable, "the bucket is full"},
    Meaning{"XMinioStorageFull", ErrorKind::kUnavailable, "the server's storage is full"},
    Meaning{"InvalidObjectState", ErrorKind::kDenied,
            "the object is in an archive tier, and must be restored before it can be read"},
};

ErrorKind KindOfStatus(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::kDenied;
    case 404:
      return ErrorKind::kNotFound;
    case 408:
    case 409:  // another request for the same object, just now
    case 412:  // likewise
    case 425:
    case 429:
      return ErrorKind::kUnavailable;
    case 501:
      return ErrorKind::kUnsupported;
    default:
      return status >= 500 ? ErrorKind::kUnavailable : ErrorKind::kFailed;
  }
}

// The region that a bucket is in, where the server says that it is another than ours.
std::string OtherRegion(const HttpResponse& response, const S3ErrorBody& body,
                        const S3Address& address) {
  if (response.status != 301 && response.status != 307 && response.status != 400 &&
      response.status != 403) {
    return {};
  }
  const std::string region =
      body.region.empty() ? response.Header("x-amz-bucket-region") : body.region;
  return region == address.region ? std::string() : region;
}

}  // namespace

Error S3Failure(const HttpResponse& response, std::string_view what, const S3Address& address) {
  const S3ErrorBody body = ParseS3Error(response.body);
  Error error{KindOfStatus(response.status), std::string(what) + ": ", {}};
  if (body.code.empty()) {
    error.message += "the server answers with status " + std::to_string(response.status);
  } else {
    error.message += body.code + (body.message.empty() ? "" : ": " + body.message);
  }
  const std::string region = OtherRegion(response, body, address);
  if (!region.empty()) {
    error.kind = ErrorKind::kInvalidArgument;
    error.hint = "the bucket is in another region: add region=" + region + " to the address";
    return error;
  }
  const auto* meaning =
      std::find_if(kMeanings.begin(), kMeanings.end(),
                   [&](const Meaning& candidate) { return candidate.code == body.code; });
  if (meaning != kMeanings.end()) {
    error.kind = meaning->kind;
    error.hint = meaning->hint;
  } else if (error.kind == ErrorKind::kDenied) {
    error.hint = kCredentialsHint;
  } else if (response.status >= 300 && response.status < 400) {
    error.hint = "the server sends clients elsewhere: name the server itself as the endpoint";
  }
  return error;
}

}  // namespace trunkline
