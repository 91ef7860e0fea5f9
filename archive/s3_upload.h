// Uploads of whole objects to S3.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "archive/byte_source.h"
#include "archive/s3_client.h"

namespace trunkline {

struct S3UploadOptions {
  // Larger objects are sent in parts of so many bytes, or of more where they would be too many.
  // S3 asks for 5 MiB at least.
  uint64_t part_bytes = 64 << 20;
};

// Safe to call from several threads.
class S3Uploader {
 public:
  // `client` is not owned.
  S3Uploader(const S3Client* client, S3UploadOptions options)
      : client_(client), options_(options) {}

  // Makes the object `key`, in constant memory, unless there is one already: kAlreadyExists where
  // the server says so, which not every kind of server does. Each piece is sent with its SHA-256
  // and, where the machine computes it, its MD5, so that a server refuses what was damaged on its
  // way. An error other than kAlreadyExists leaves open whether the object is there now.
  Result<void> Upload(const std::string& key, const ByteSource& content) const;

 private:
  struct Piece;

  Result<HttpResponse> SendPiece(const Piece& piece) const;
  Result<void> UploadWhole(const std::string& key, const ByteSource& content) const;
  Result<void> UploadInParts(const std::string& key, const ByteSource& content) const;
  Result<std::string> UploadPart(const std::string& key, const std::string& upload_id,
                                 const ByteSource& content, uint64_t number,
                                 uint64_t part_bytes) const;
  Result<void> Complete(const std::string& key, const std::string& upload_id,
                        const std::vector<std::string>& etags) const;
  void Abort(const std::string& key, const std::string& upload_id) const;
  // Sends `piece` on the condition that there is no such object, unless the server cannot do that.
  Result<HttpResponse> SendIfAbsent(Piece piece) const;
  Result<void> Outcome(const std::string& key, const HttpResponse& response) const;
  std::string What(const std::string& key) const;

  const S3Client* const client_;
  const S3UploadOptions options_;
  // Until a server says that it does not implement conditions.
  mutable std::atomic<bool> conditional_{true};
};

}  // namespace trunkline
