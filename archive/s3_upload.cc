#include "archive/s3_upload.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "archive/s3_signer.h"
#include "archive/s3_xml.h"
#include "archive/sha256.h"

namespace trunkline {
namespace {

constexpr size_t kHashedBytes = 1 << 20;
constexpr uint64_t kMaxParts = 10'000;
constexpr uint64_t kWholeInMemoryBytes = 1 << 20;

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// The MD5 of a request's body, in base64; empty where the machine's policy forbids to compute it.
class Md5 {
 public:
  Md5() : context_(EVP_MD_CTX_new()) {
    if (context_ && EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) != 1) context_.reset();
  }
  void Update(std::string_view bytes) {
    if (context_) EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }
  std::string Finish() {
    if (!context_) return {};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), digest, &size);
    unsigned char text[EVP_MAX_MD_SIZE * 2];
    const int length = EVP_EncodeBlock(text, digest, static_cast<int>(size));
    return {text, text + length};
  }

 private:
  std::unique_ptr<EVP_MD_CTX, DigestDeleter> context_;
};

}  // namespace

struct S3Uploader::Piece {
  std::string method;
  std::string key;
  QueryParameters query;
  const ByteSource* body = nullptr;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  bool if_absent = false;
};

std::string S3Uploader::What(const std::string& key) const {
  return "cannot write s3://" + client_->address().bucket + "/" + key;
}

Result<HttpResponse> S3Uploader::SendPiece(const Piece& piece) const {
  S3Request request;
  request.method = piece.method;
  request.key = piece.key;
  request.query = piece.query;
  Sha256 sha256;
  Md5 md5;
  std::string buffer(std::min<uint64_t>(piece.bytes, kHashedBytes), '\0');
  for (uint64_t hashed = 0; hashed < piece.bytes;) {
    const size_t length = std::min<uint64_t>(piece.bytes - hashed, buffer.size());
    TRY(piece.body->Read(piece.offset + hashed, buffer.data(), length));
    const std::string_view bytes(buffer.data(), length);
    sha256.Update(bytes);
    md5.Update(bytes);
    hashed += length;
  }
  request.body_sha256 = Hex(sha256.Finish());
  const std::string md5_text = md5.Finish();
  if (!md5_text.empty()) request.headers.emplace_back("content-md5", md5_text);
  if (piece.if_absent) request.headers.emplace_back("if-none-match", "*");
  request.body = piece.body;
  request.body_offset = piece.offset;
  request.body_bytes = piece.bytes;
  // What is in memory already is not read twice.
  std::unique_ptr<ByteSource> in_memory;
  if (piece.bytes <= kWholeInMemoryBytes) {
    in_memory = NewMemorySource(std::move(buffer));
    request.body = in_memory.get();
    request.body_offset = 0;
  }
  Result<HttpResponse> response = client_->Send(request);
  if (!response) return Fail(std::move(response).error().WithContext(What(piece.key)));
  return response;
}

Result<HttpResponse> S3Uploader::SendIfAbsent(Piece piece) const {
  piece.if_absent = conditional_;
  Result<HttpResponse> response = SendPiece(piece);
  if (!piece.if_absent || !response || response->status != 501) return response;
  conditional_ = false;
  piece.if_absent = false;
  return SendPiece(piece);
}

Result<void> S3Uploader::Outcome(const std::string& key, const HttpResponse& response) const {
  if (response.ok()) return {};
  Error error = S3Failure(response, What(key), client_->address());
  if (response.status == 412) error.kind = ErrorKind::kAlreadyExists;
  return Fail(std::move(error));
}

Result<void> S3Uploader::Upload(const std::string& key, const ByteSource& content) const {
  if (content.size() <= options_.part_bytes) return UploadWhole(key, content);
  return UploadInParts(key, content);
}

Result<void> S3Uploader::UploadWhole(const std::string& key, const ByteSource& content) const {
  ASSIGN_OR_RETURN(const HttpResponse response,
                   SendIfAbsent({"PUT", key, {}, &content, 0, content.size()}));
  return Outcome(key, response);
}

Result<void> S3Uploader::UploadInParts(const std::string& key, const ByteSource& content) const {
  const std::unique_ptr<ByteSource> nothing = NewMemorySource("");
  ASSIGN_OR_RETURN(const HttpResponse begun,
                   SendPiece({"POST", key, {{"uploads", ""}}, nothing.get()}));
  TRY(Outcome(key, begun));
  ASSIGN_OR_RETURN(const std::string upload_id, ParseUploadId(begun.body));
  const uint64_t part_bytes =
      std::max(options_.part_bytes, (content.size() + kMaxParts - 1) / kMaxParts);
  std::vector<std::string> etags;
  Result<void> uploaded;
  for (uint64_t offset = 0; uploaded && offset < content.size(); offset += part_bytes) {
    Result<std::string> etag = UploadPart(key, upload_id, content, etags.size() + 1, part_bytes);
    if (etag) {
      etags.push_back(std::move(*etag));
    } else {
      uploaded = Fail(std::move(etag).error());
    }
  }
  if (uploaded) uploaded = Complete(key, upload_id, etags);
  if (!uploaded) Abort(key, upload_id);
  return uploaded;
}

Result<std::string> S3Uploader::UploadPart(const std::string& key, const std::string& upload_id,
                                           const ByteSource& content, uint64_t number,
                                           uint64_t part_bytes) const {
  const uint64_t offset = (number - 1) * part_bytes;
  const Piece piece{
      "PUT",    key,    {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}},
      &content, offset, std::min(part_bytes, content.size() - offset)};
  ASSIGN_OR_RETURN(const HttpResponse response, SendPiece(piece));
  TRY(Outcome(key, response));
  std::string etag = response.Header("etag");
  if (!etag.empty()) return etag;
  return Fail(ErrorKind::kUnavailable, What(key) + ": the server names no ETag of a part",
              "check that the endpoint is a server of S3");
}

Result<void> S3Uploader::Complete(const std::string& key, const std::string& upload_id,
                                  const std::vector<std::string>& etags) const {
  const std::unique_ptr<ByteSource> document = NewMemorySource(CompletionDocument(etags));
  ASSIGN_OR_RETURN(
      const HttpResponse response,
      SendIfAbsent({"POST", key, {{"uploadId", upload_id}}, document.get(), 0, document->size()}));
  TRY(Outcome(key, response));
  if (!IsS3Error(response.body)) return {};
  // A server that works for long begins its answer before it knows.
  Error error = S3Failure(response, What(key), client_->address());
  error.kind = ErrorKind::kUnavailable;
  return Fail(std::move(error));
}

// Parts of an upload that nobody ends cost money for ever. Where this fails, too, a rule of the
// bucket has to remove them (docs/operating.md).
void S3Uploader::Abort(const std::string& key, const std::string& upload_id) const {
  S3Request request;
  request.method = "DELETE";
  request.key = key;
  request.query = {{"uploadId", upload_id}};
  static_cast<void>(client_->Send(request));
}

}  // namespace trunkline
