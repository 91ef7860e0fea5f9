// S3Address: where the objects of an archive at s3:// are.
#pragma once

#include <string>
#include <string_view>

#include "archive/aws_config.h"
#include "base/error.h"

namespace trunkline {

struct S3Address {
  std::string url;  // as the user gave it; never holds a secret
  std::string bucket;
  std::string prefix;  // of each object's key: empty, or ends in '/'
  std::string region;
  std::string scheme;     // "http" or "https"
  std::string host;       // as the Host header has it; the bucket is part of it unless path_style
  std::string base_path;  // what the endpoint has in front of all paths: empty, or begins with '/'
  bool path_style = true;

  // The path of a key, or of the bucket where it is empty; percent-encoded as signatures need it.
  std::string PathOf(std::string_view key) const;
};

// s3://BUCKET[/PREFIX][?endpoint=URL&region=REGION&path-style=true|false]. What the address leaves
// open comes from `settings`, then from AWS's defaults. kInvalidArgument says what is wrong,
// without repeating a value that may be a secret.
Result<S3Address> ParseS3Address(const std::string& url, const AwsSettings& settings);

}  // namespace trunkline
