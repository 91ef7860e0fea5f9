#include "archive/s3_address.h"

#include <algorithm>
#include <utility>

#include "archive/s3_signer.h"
#include "base/percent.h"

namespace trunkline {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::string_view kDefaultRegion = "us-east-1";
constexpr std::string_view kHint =
    "an archive in S3 is s3://BUCKET/PREFIX, and where the server is not Amazon's "
    "s3://BUCKET/PREFIX?endpoint=https://HOST:PORT";
constexpr size_t kMaxPrefixBytes = 512;  // of the 1024 that a key may have
constexpr size_t kMaxBucketBytes = 255;

tl::unexpected<Error> Invalid(std::string_view what, std::string_view hint = kHint) {
  return Fail(ErrorKind::kInvalidArgument, "the address at s3:// " + std::string(what),
              std::string(hint));
}

bool AllOf(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

struct Parameters {
  std::string endpoint;
  std::string region;
  std::string path_style;
};

Result<Parameters> ParseParameters(std::string_view query) {
  Parameters parameters;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const size_t equals = pair.find('=');
    const std::string name(pair.substr(0, equals));
    std::string* value = name == "endpoint"     ? &parameters.endpoint
                         : name == "region"     ? &parameters.region
                         : name == "path-style" ? &parameters.path_style
                                                : nullptr;
    if (value == nullptr) {
      return Invalid("has a parameter that is not known",
                     "there are endpoint, region and path-style; credentials come from the "
                     "environment or ~/.aws");
    }
    if (equals == std::string_view::npos || equals + 1 == pair.size() || !value->empty()) {
      return Invalid("needs one value for " + name);
    }
    const Result<std::string> decoded = PercentDecode(pair.substr(equals + 1));
    if (!decoded) return Invalid("has malformed percent-encoding in " + name);
    *value = *decoded;
  }
  return parameters;
}

// Sets scheme, host and base path from a URL.
Result<void> SetEndpoint(std::string_view endpoint, S3Address* address) {
  constexpr std::string_view kEndpointHint = "write endpoint=https://HOST:PORT";
  const size_t scheme_end = endpoint.find("://");
  address->scheme = endpoint.substr(0, std::min(scheme_end, endpoint.size()));
  if (scheme_end == std::string_view::npos ||
      (address->scheme != "http" && address->scheme != "https")) {
    return Invalid("has an endpoint that is no URL of http or https", kEndpointHint);
  }
  endpoint.remove_prefix(scheme_end + 3);
  std::string_view host = endpoint.substr(0, endpoint.find('/'));
  std::string_view path = endpoint.substr(host.size());
  while (path.ends_with('/')) path.remove_suffix(1);
  if (host.find('@') != std::string_view::npos) {
    return Invalid("has an endpoint with a user in it",
                   "credentials come from the environment or ~/.aws");
  }
  const std::string_view default_port = address->scheme == "http" ? ":80" : ":443";
  if (host.ends_with(default_port)) host.remove_suffix(default_port.size());
  if (host.empty() || !AllOf(host, "-._:[]") || !AllOf(path, "-._~/")) {
    return Invalid("has an endpoint that is no host with a port", kEndpointHint);
  }
  address->host = host;
  address->base_path = path;
  return {};
}

// Amazon's own servers: the bucket in the host's name, which a certificate covers unless it has
// dots.
void SetAmazonEndpoint(S3Address* address) {
  address->scheme = "https";
  address->host = "s3." + address->region + ".amazonaws.com";
  if (address->region.starts_with("cn-")) address->host += ".cn";
  address->path_style = address->bucket.find('.') != std::string::npos;
}

Result<void> SetPrefix(std::string_view path, S3Address* address) {
  const Result<std::string> decoded = PercentDecode(path);
  if (!decoded) return Invalid("has malformed percent-encoding in its prefix");
  std::string_view prefix = *decoded;
  while (prefix.starts_with('/')) prefix.remove_prefix(1);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  const std::string framed = "/" + std::string(prefix) + "/";
  if (prefix.size() > kMaxPrefixBytes || prefix.find('\0') != std::string_view::npos ||
      (!prefix.empty() && framed.find("//") != std::string::npos) ||
      framed.find("/./") != std::string::npos || framed.find("/../") != std::string::npos) {
    return Invalid("has a prefix that no folder can have");
  }
  if (!prefix.empty()) address->prefix = std::string(prefix) + "/";
  return {};
}

}  // namespace

std::string S3Address::PathOf(std::string_view key) const {
  std::string path = base_path + "/";
  if (path_style) path += bucket + (key.empty() ? "" : "/");
  return path + UriEncode(key, true);
}

Result<S3Address> ParseS3Address(const std::string& url, const AwsSettings& settings) {
  if (!url.starts_with(kScheme)) return Invalid("does not begin with s3://");
  const size_t query_begin = std::min(url.find('?'), url.size());
  const std::string_view place =
      std::string_view(url).substr(kScheme.size(), query_begin - kScheme.size());
  ASSIGN_OR_RETURN(
      const Parameters parameters,
      ParseParameters(std::string_view(url).substr(std::min(query_begin + 1, url.size()))));
  S3Address address;
  address.url = url;
  address.bucket = place.substr(0, place.find('/'));
  if (address.bucket.empty() || address.bucket.size() > kMaxBucketBytes ||
      !AllOf(address.bucket, "-._") || address.bucket.starts_with('.')) {
    return Invalid("does not name a bucket");
  }
  TRY(SetPrefix(place.substr(address.bucket.size()), &address));

  address.region = !parameters.region.empty() ? parameters.region
                   : !settings.region.empty() ? settings.region
                                              : std::string(kDefaultRegion);
  if (!AllOf(address.region, "-_")) return Invalid("has a region that is none");
  const std::string& endpoint =
      parameters.endpoint.empty() ? settings.endpoint : parameters.endpoint;
  if (endpoint.empty()) {
    SetAmazonEndpoint(&address);
  } else {
    TRY(SetEndpoint(endpoint, &address));
  }
  if (!parameters.path_style.empty()) {
    address.path_style = parameters.path_style == "true";
    if (!address.path_style && parameters.path_style != "false") {
      return Invalid("has a path-style that is neither true nor false");
    }
  }
  if (!address.path_style) address.host = address.bucket + "." + address.host;
  return address;
}

}  // namespace trunkline
