// The XML documents that S3 servers and clients send each other. None of what a server sends can
// crash the parsers; elements that are not known are passed over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace trunkline {

// One page of a listing, of either version of ListObjects.
struct S3Listing {
  struct Entry {
    std::string key;
    uint64_t size = 0;
  };
  std::vector<Entry> entries;
  bool truncated = false;
  std::string continuation_token;  // version 2: how to go on
  std::string next_marker;         // version 1: likewise, where the server says
};

// Empty where the body says nothing of them.
struct S3ErrorBody {
  std::string code;     // such as NoSuchBucket
  std::string message;  // one line, cut short; may be anything that the server likes
  std::string region;   // the bucket's, where that is what is wrong
};

// kUnavailable when it is no listing.
Result<S3Listing> ParseListing(const std::string& body);
S3ErrorBody ParseS3Error(const std::string& body);
// The answer to CompleteMultipartUpload, which may be an error under the status 200.
bool IsS3Error(const std::string& body);
// The id of a multipart upload; kUnavailable when the body names none.
Result<std::string> ParseUploadId(const std::string& body);
// The document that joins parts, given their ETags in the order of the parts.
std::string CompletionDocument(const std::vector<std::string>& etags);

}  // namespace trunkline
