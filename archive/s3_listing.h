// The keys of a bucket.
#pragma once

#include <string>
#include <vector>

#include "archive/s3_client.h"
#include "archive/s3_xml.h"

namespace trunkline {

// All objects whose key starts with `prefix`, in the byte order of keys, by as many requests as it
// takes. ListObjectsV2; where the server only knows the first version (Pachyderm's gateway), that.
Result<std::vector<S3Listing::Entry>> ListKeys(const S3Client& client, const std::string& prefix);

}  // namespace trunkline
