// S3Store: an archive in a bucket of Amazon's S3 or of a server that speaks its protocol: MinIO,
// Ceph, Cloudflare R2, Pachyderm's gateway.
//
// What it needs of the server: an object that was written is seen by every read and listing that
// begins afterwards. What it promises of conditions, since S3 checks none but whether a name is
// taken:
//
// - One name never has two contents where the server honours If-None-Match on PUT and
//   CompleteMultipartUpload (Amazon, MinIO, Ceph, R2). Elsewhere (Pachyderm's gateway) the store
//   looks first; of two writers at the same instant the later one replaces what the earlier wrote.
// - `unique_prefix` holds on every kind of server for two writers at a time. The store looks,
//   writes and looks again; where another object stands beside its own then, it removes its own
//   and begins again, after a random while. A Put that succeeded saw nobody else after its write,
//   so that whoever wrote later has seen it. Between a rival's write and its removal readers can
//   see both. A process that ends exactly there leaves both, which `trunkline verify` reports.
// - `predecessor` is looked for right before the write.
//
// A Put of several objects is as many requests: in order, not all or none.
#pragma once

#include <memory>
#include <string>

#include "archive/s3_address.h"
#include "archive/s3_upload.h"
#include "archive/store.h"

namespace trunkline {

// Opens the store of an s3:// address, with the settings and credentials of the environment
// (aws_config.h). Requests nothing, and never creates a bucket.
Result<std::unique_ptr<Store>> OpenS3Store(const std::string& url);

// As above, from their results.
std::unique_ptr<Store> NewS3Store(S3Address address, std::string ca_bundle,
                                  S3UploadOptions options);

}  // namespace trunkline
