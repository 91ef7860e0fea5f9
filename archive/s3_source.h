// An object of S3 as a ByteSource.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "archive/byte_source.h"
#include "archive/s3_client.h"

namespace trunkline {

// Nothing is requested yet. Small reads are
// served from what is read ahead: 64 KiB at first, up to 4 MiB while reads follow each other, and
// the last 64 KiB, where a segment's footer is, at a time; so much memory a source takes at most,
// twice.
std::unique_ptr<ByteSource> NewS3Source(std::shared_ptr<const S3Client> client, std::string key,
                                        uint64_t size);

}  // namespace trunkline
