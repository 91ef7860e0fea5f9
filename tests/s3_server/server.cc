#include "tests/s3_server/server.h"

#include <httplib.h>

#include <cstdlib>
#include <pugixml.hpp>
#include <stdexcept>
#include <utility>

#include "archive/s3_signer.h"
#include "archive/sha256.h"

namespace trunkline::test {
namespace {

using httplib::Request;
using httplib::Response;

constexpr size_t kThreads = 32;  // a connection that is kept has one
constexpr const char* kXml = "application/xml";

std::string Sha256Of(const std::string& bytes) {
  Sha256 digest;
  digest.Update(bytes);
  return Hex(digest.Finish());
}

void AnswerError(Response* response, int status, const std::string& code) {
  response->status = status;
  response->set_content("<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" + code +
                            " was the trouble</Message></Error>",
                        kXml);
}

std::string Text(const pugi::xml_document& document) {
  std::ostringstream text;
  document.save(text, "", pugi::format_raw);
  return text.str();
}

}  // namespace

class S3Server::Impl {
 public:
  Impl(Behaviour behaviour, int port) : behaviour_(std::move(behaviour)) {
    if (behaviour_.certificate.empty()) {
      http_ = std::make_unique<httplib::Server>();
    } else {
      http_ = std::make_unique<httplib::SSLServer>(behaviour_.certificate.c_str(),
                                                   behaviour_.private_key.c_str());
    }
    http_->new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    http_->set_keep_alive_max_count(1'000'000);
    http_->set_tcp_nodelay(true);
    const auto handler = [this](const Request& request, Response& response) {
      // The library would cut the range out of whatever the answer is, also of an error.
      Handle(request, std::exchange(const_cast<Request&>(request).ranges, {}), &response);
    };
    http_->Get(".*", handler).Put(".*", handler).Post(".*", handler).Delete(".*", handler);
    port_ = port == 0 ? http_->bind_to_any_port("127.0.0.1") : port;
    if (port_ < 0 || (port != 0 && !http_->bind_to_port("127.0.0.1", port))) {
      throw std::runtime_error("the port cannot be had");
    }
    thread_ = std::jthread([this] { http_->listen_after_bind(); });
    while (!http_->is_running()) std::this_thread::yield();
  }

  ~Impl() { http_->stop(); }

  std::string endpoint() const {
    return (behaviour_.certificate.empty() ? "http://127.0.0.1:" : "https://127.0.0.1:") +
           std::to_string(port_);
  }
  Bucket& bucket() { return bucket_; }

  void Inject(S3Fault fault) {
    const std::lock_guard lock(mutex_);
    faults_.push_back(std::move(fault));
  }

  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Handle(const Request& request, const httplib::Ranges& ranges, Response* response) {
    const std::optional<S3Fault> fault = Note(request);
    if (fault && fault->kind == S3Fault::Kind::kStatus) {
      response->status = fault->status;
      for (const auto& [name, value] : fault->headers) response->set_header(name, value);
      response->set_content(fault->body, kXml);
    } else {
      if (Admit(request, response)) Serve(request, ranges, response);
      if (fault) Spoil(*fault, response);
    }
    if (fault && fault->then) fault->then();
  }

  // Writes the request down; the fault that is for it, if one is.
  std::optional<S3Fault> Note(const Request& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request.method + " " + request.target);
    for (S3Fault& fault : faults_) {
      if (fault.times == 0 || (!fault.method.empty() && fault.method != request.method) ||
          request.target.find(fault.path) == std::string::npos) {
        continue;
      }
      --fault.times;
      return fault;
    }
    return std::nullopt;
  }

  static void Spoil(const S3Fault& fault, Response* response) {
    const std::string whole = response->body;
    const size_t half = whole.size() / 2;
    switch (fault.kind) {
      case S3Fault::Kind::kStatus:
        return;
      case S3Fault::Kind::kLoseAnswer:
        response->body.clear();
        response->set_content_provider(1 << 20, kXml,
                                       [](size_t, size_t, httplib::DataSink&) { return false; });
        return;
      case S3Fault::Kind::kCut:
        response->body.clear();
        response->set_content_provider(
            whole.size(), kXml, [whole, half](size_t offset, size_t, httplib::DataSink& sink) {
              return offset == 0 && sink.write(whole.data(), half);
            });
        return;
      case S3Fault::Kind::kShort:
        response->body.resize(half);
        return;
      case S3Fault::Kind::kEndless:
        response->body.clear();
        response->set_chunked_content_provider(kXml, [](size_t, httplib::DataSink& sink) {
          const std::string bytes(1 << 20, 'x');
          return sink.write(bytes.data(), bytes.size());
        });
        return;
    }
  }

  // Whether the request is signed, with a key that we know, and its body what was signed.
  static bool Admit(const Request& request, Response* response) {
    const std::string authorization = request.get_header_value("Authorization");
    if (authorization.find("Credential=" + std::string(kS3AccessKey) + "/") == std::string::npos) {
      AnswerError(response, 403, authorization.empty() ? "AccessDenied" : "InvalidAccessKeyId");
    } else if (request.get_header_value("x-amz-content-sha256") != Sha256Of(request.body)) {
      AnswerError(response, 400, "XAmzContentSHA256Mismatch");
    } else if (!request.body.empty() && !request.has_header("Content-MD5")) {
      AnswerError(response, 400, "InvalidDigest");
    } else {
      return true;
    }
    return false;
  }

  void Serve(const Request& request, const httplib::Ranges& ranges, Response* response) {
    const std::string root = std::string("/") + kS3Bucket;
    if (request.path == root) return List(request, response);
    if (!request.path.starts_with(root + "/")) return AnswerError(response, 404, "NoSuchBucket");
    const std::string key = request.path.substr(root.size() + 1);
    if (request.method == "POST") return Upload(key, request, response);
    if (request.method == "PUT") return Put(key, request, response);
    if (request.method == "DELETE") {
      if (request.has_param("uploadId")) {
        bucket_.Abort(request.get_param_value("uploadId"));
      } else {
        bucket_.Remove(key);
      }
      response->status = 204;
      return;
    }
    const std::optional<StoredObject> object = bucket_.Get(key);
    if (!object) return AnswerError(response, 404, "NoSuchKey");
    Send(*object, ranges, response);
  }

  // The range that is asked for, or all of it.
  static void Send(const StoredObject& object, const httplib::Ranges& ranges, Response* response) {
    response->set_header("ETag", object.etag);
    const std::string& bytes = *object.bytes;
    if (ranges.empty()) return response->set_content(bytes, "binary/octet-stream");
    const auto [first, last] = ranges.front();
    if (first < 0 || static_cast<size_t>(first) >= bytes.size()) {
      return AnswerError(response, 416, "InvalidRange");
    }
    const size_t end = std::min(bytes.size(), static_cast<size_t>(last) + 1);
    response->body = bytes.substr(first, end - first);
    response->set_header("Content-Type", "binary/octet-stream");
    response->status = 206;
  }

  // Whether the object must not be there; an error where that cannot be asked for.
  std::optional<bool> IfAbsent(const Request& request, Response* response) const {
    const bool asked = request.get_header_value("If-None-Match") == "*";
    switch (behaviour_.conditions) {
      case Behaviour::Conditions::kHonoured:
        return asked;
      case Behaviour::Conditions::kIgnored:
        return false;
      case Behaviour::Conditions::kRefused:
        if (!asked) return false;
        AnswerError(response, 501, "NotImplemented");
    }
    return std::nullopt;
  }

  void Put(const std::string& key, const Request& request, Response* response) {
    std::optional<std::string> etag;
    if (request.has_param("uploadId")) {
      etag = bucket_.PutPart(request.get_param_value("uploadId"),
                             std::stoi(request.get_param_value("partNumber")), request.body);
      if (!etag) return AnswerError(response, 404, "NoSuchUpload");
    } else {
      const std::optional<bool> if_absent = IfAbsent(request, response);
      if (!if_absent) return;
      if (!bucket_.Put(key, request.body, *if_absent)) {
        return AnswerError(response, 412, "PreconditionFailed");
      }
      etag = EtagOf(request.body);
    }
    response->set_header("ETag", *etag);
  }

  void Upload(const std::string& key, const Request& request, Response* response) {
    pugi::xml_document answer;
    if (request.has_param("uploads")) {
      answer.append_child("InitiateMultipartUploadResult")
          .append_child("UploadId")
          .text()
          .set(bucket_.BeginUpload().c_str());
      return response->set_content(Text(answer), kXml);
    }
    const std::optional<bool> if_absent = IfAbsent(request, response);
    if (!if_absent) return;
    pugi::xml_document document;
    document.load_string(request.body.c_str());
    std::vector<std::pair<int, std::string>> parts;
    for (const pugi::xml_node part : document.document_element().children("Part")) {
      parts.emplace_back(part.child("PartNumber").text().as_int(), part.child_value("ETag"));
    }
    switch (bucket_.Complete(request.get_param_value("uploadId"), key, parts, *if_absent)) {
      case Bucket::Completion::kDone:
        answer.append_child("CompleteMultipartUploadResult");
        return response->set_content(Text(answer), kXml);
      case Bucket::Completion::kNoSuchUpload:
        return AnswerError(response, 404, "NoSuchUpload");
      case Bucket::Completion::kInvalidPart:
        return AnswerError(response, 400, "InvalidPart");
      case Bucket::Completion::kExists:
        return AnswerError(response, 412, "PreconditionFailed");
    }
  }

  void List(const Request& request, Response* response) const {
    const bool second =
        request.get_param_value("list-type") == "2" && !behaviour_.only_first_version;
    // The token is not a key, so that nobody takes it for one.
    const std::string token = request.get_param_value("continuation-token");
    const std::string after = !second         ? request.get_param_value("marker")
                              : token.empty() ? std::string()
                                              : token.substr(std::string("after:").size());
    const Bucket::Page page =
        bucket_.List(request.get_param_value("prefix"), after, behaviour_.page_keys);
    const bool encoded =
        request.get_param_value("encoding-type") == "url" && !behaviour_.only_first_version;
    pugi::xml_document answer;
    pugi::xml_node root = answer.append_child("ListBucketResult");
    root.append_attribute("xmlns") = "http://s3.amazonaws.com/doc/2006-03-01/";
    if (encoded) root.append_child("EncodingType").text().set("url");
    root.append_child("IsTruncated").text().set(page.truncated);
    for (const auto& [key, size] : page.entries) {
      pugi::xml_node contents = root.append_child("Contents");
      contents.append_child("Key").text().set((encoded ? UriEncode(key, true) : key).c_str());
      contents.append_child("Size").text().set(static_cast<unsigned long long>(size));  // NOLINT
    }
    if (second && page.truncated) {
      root.append_child("NextContinuationToken")
          .text()
          .set(("after:" + page.entries.back().first).c_str());
    }
    response->set_content(Text(answer), kXml);
  }

  const Behaviour behaviour_;
  Bucket bucket_;
  mutable std::mutex mutex_;
  std::vector<S3Fault> faults_;
  std::vector<std::string> requests_;
  std::unique_ptr<httplib::Server> http_;
  int port_ = 0;
  std::jthread thread_;
};

S3Server::S3Server(Behaviour behaviour, int port)
    : impl_(std::make_unique<Impl>(std::move(behaviour), port)) {}
S3Server::~S3Server() = default;

std::string S3Server::endpoint() const { return impl_->endpoint(); }
Bucket& S3Server::bucket() { return impl_->bucket(); }
void S3Server::Inject(S3Fault fault) { impl_->Inject(std::move(fault)); }
std::vector<std::string> S3Server::requests() const { return impl_->requests(); }

std::string S3Url(const std::string& endpoint, const std::string& prefix) {
  return std::string("s3://") + kS3Bucket + "/" + prefix + "?endpoint=" + endpoint;
}

void UseS3Credentials() {
  for (const char* variable :
       {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"}) {
    unsetenv(variable);
  }
  setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
  setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
  setenv("AWS_ACCESS_KEY_ID", kS3AccessKey, 1);
  setenv("AWS_SECRET_ACCESS_KEY", kS3SecretKey, 1);
}

}  // namespace trunkline::test
