// HttpClient: requests to one server, over connections that are kept.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "archive/byte_source.h"
#include "base/error.h"

namespace trunkline {

struct HttpRequest {
  std::string method = "GET";
  std::string url;                   // sent as it is
  std::vector<std::string> headers;  // "name: value"
  // What is sent: `body_bytes` bytes of `body` from `body_offset`; no body where it is null. Not
  // owned.
  const ByteSource* body = nullptr;
  uint64_t body_offset = 0;
  uint64_t body_bytes = 0;
  // Where the body of a successful answer goes, in place of HttpResponse::body. Not owned.
  std::span<char> into{};
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  size_t into_bytes = 0;  // how much of HttpRequest::into is filled

  bool ok() const { return status >= 200 && status < 300; }
  // Empty when there is no such header.
  std::string Header(const std::string& name) const;
};

// Safe to call from several threads, each of which has a connection of its own at a time. A request
// ends within a bounded time whatever the server does: it is given up when no connection is made in
// 10 seconds, when less than 1 KiB a second moves for two minutes, and after five and what its
// body takes at 64 KiB a second.
class HttpClient {
 public:
  // `ca_bundle`: a file of certificates to trust in place of the system's; may be empty.
  explicit HttpClient(std::string ca_bundle);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any answer of the server, also one that is an error; redirections are not followed. Without a
  // whole answer kUnavailable, and the request may have been carried out; kDenied when the server's
  // certificate is not trusted. An error of `body` is returned as it is.
  Result<HttpResponse> Send(const HttpRequest& request) const;

 private:
  struct Handle;  // libcurl's, with its connection

  std::unique_ptr<Handle> Take() const;
  void GiveBack(std::unique_ptr<Handle> handle) const;

  const std::string ca_bundle_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Handle>> idle_;
};

}  // namespace trunkline
